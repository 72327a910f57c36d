"""A server of PostgreSQL for tests, of a temporary folder, on this machine alone."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from object_servers import await_port, free_port

if TYPE_CHECKING:
    import psycopg

PASSWORD = "secret-of-the-database"


@dataclass
class Postgres:
    """A running server with a database ``whorl``, and a user who may write and one who may only read."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @staticmethod
    def programs() -> Path | None:
        """Find the folder of the newest server's programs; Debian keeps them off everybody's path."""
        found = shutil.which("initdb")
        if found is not None:
            return Path(found).resolve().parent
        debian = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        return Path(debian[-1]).parent if debian else None

    @classmethod
    def start(cls) -> Postgres:
        """Make a cluster and start it; root, whom the server refuses, starts it as another user."""
        programs, port = cls.programs(), free_port()
        assert programs is not None
        folder = Path(tempfile.mkdtemp(prefix="whorl-postgres-"))  # pytest's own is closed to that other user
        data, said, words = folder / "data", folder / "log", folder / "words"
        words.write_text(PASSWORD)
        words.chmod(0o644)
        as_other: dict[str, object] = {}
        if os.geteuid() == 0:
            other = pwd.getpwnam("postgres")
            as_other = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}
            os.chown(folder, other.pw_uid, other.pw_gid)
        make = [programs / "initdb", "-D", data, "-U", "writer", "-A", "scram-sha-256", "--pwfile", words, "-E", "UTF8"]
        subprocess.run([*make, "--locale=C"], check=True, capture_output=True, timeout=120, cwd=folder, **as_other)  # type: ignore[call-overload]
        run = [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"]
        with said.open("wb") as log:
            process = subprocess.Popen(run, stderr=log, stdout=log, cwd=folder, **as_other)  # type: ignore[call-overload]
        await_port(port, process, said)
        server = cls(process, port, folder)
        server.prepare()
        return server

    def prepare(self) -> None:
        """Make the database and the user who may only read."""
        with self.first_connection() as connection:
            connection.execute("CREATE DATABASE whorl")
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data")

    def first_connection(self) -> psycopg.Connection:
        """Connect as soon as it lets anybody in: it listens a little earlier than that."""
        import psycopg

        until = time.monotonic() + 60
        while True:
            try:
                return psycopg.connect(self.plain_url("writer", "postgres"), autocommit=True)
            except psycopg.OperationalError as error:
                if "starting up" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def plain_url(self, user: str, database: str = "whorl") -> str:
        """Give the URL for a client of PostgreSQL's own."""
        return f"postgresql://{user}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def url(self, user: str = "writer") -> str:
        """Give the URL for SQLAlchemy."""
        return self.plain_url(user).replace("postgresql://", "postgresql+psycopg://")

    def stop(self) -> None:
        """End it, without waiting for its clients."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        shutil.rmtree(self.folder)
