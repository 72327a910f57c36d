"""Servers of objects on this machine beside S3: SFTP (Debian's sshd) and Google's storage (an emulator)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

START_WAIT = 60.0


def free_port() -> int:
    """Name a port that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes], said: Path) -> None:
    """Wait until a process listens."""
    deadline = time.monotonic() + START_WAIT
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"the server did not start:\n{said.read_text()}") from None
            time.sleep(0.02)


@dataclass
class Sshd:
    """An sshd for the current user, with keys made for it."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @staticmethod
    def program() -> str | None:
        """Find sshd, which is not on everybody's path."""
        return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

    @classmethod
    def start(cls, folder: Path) -> Sshd:
        """Make keys and start it."""
        program, port = cls.program(), free_port()
        assert program is not None
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # where sshd wants to be apart from its privileges
        for name in ("host", "user", "stranger"):
            arguments = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(arguments, check=True, timeout=60)
        kind, key = (folder / "host.pub").read_text().split()[:2]
        (folder / "known").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
        settings = {
            "ListenAddress": "127.0.0.1",
            "Port": port,
            "HostKey": folder / "host",
            "AuthorizedKeysFile": folder / "user.pub",
            "PidFile": "none",
            "PermitRootLogin": "prohibit-password",
            "PasswordAuthentication": "no",
            "StrictModes": "no",
            "UsePAM": "no",
            "MaxStartups": 200,
            "Subsystem": "sftp internal-sftp",
        }
        (folder / "sshd.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        said = folder / "log"
        with said.open("wb") as log:
            process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "sshd.conf")], stderr=log)
        await_port(port, process, said)
        return cls(process, port, folder)

    def stop(self) -> None:
        """End it; the sessions end with their connections."""
        self.process.terminate()
        self.process.wait(30)

    def url(self, folder: str) -> str:
        """Name a folder of this machine as it is seen through SFTP."""
        import getpass

        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{folder}"

    @property
    def options(self) -> dict[str, object]:
        """The key that is let in, and the server that is known."""
        return {"key_filename": str(self.folder / "user"), "known_hosts": str(self.folder / "known")}


@dataclass
class GcsEmulator:
    """A process that speaks Google's JSON interface; it ignores conditions on generations."""

    process: subprocess.Popen[bytes]
    port: int
    folders: int = 0

    @classmethod
    def start(cls, folder: Path) -> GcsEmulator:
        """Start it with a bucket ``bkt``."""
        port, said = free_port(), folder / "emulator.log"
        program = os.path.join(os.path.dirname(sys.executable), "gcp-storage-emulator")
        arguments = [program, "start", "--host=127.0.0.1", f"--port={port}", "--in-memory", "--default-bucket=bkt"]
        with said.open("wb") as log:
            process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=folder)
        await_port(port, process, said)
        return cls(process, port)

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    @property
    def options(self) -> dict[str, object]:
        """What gcsfs has to know of it."""
        return {"endpoint_url": f"http://127.0.0.1:{self.port}", "token": "anon", "project": "test"}
