"""
A second, independent S3: one monitor, one OSD in memory and one gateway of Ceph, all on 127.0.0.1 below one folder.

It needs Debian's ceph-mon, ceph-osd, ceph-mgr, radosgw and ceph-common.  The daemons stay in the foreground, as
children, and are ended by their handles.
"""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from object_servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mgr", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
KEY, SECRET = "access-of-tests", "secret-of-tests"
_START, _STEP = 90.0, 60.0
_RIGHTS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "mgr.x": {"mon": "allow profile mgr", "osd": "allow *", "mds": "allow *"},
    "osd.0": {"mon": "allow profile osd", "mgr": "allow profile osd", "osd": "allow *"},
    "client.rgw.a": {"mon": "allow rw", "osd": "allow rwx"},
}


@dataclass
class Ceph:
    """The daemons, and the port of the gateway."""

    folder: Path
    port: int = field(default_factory=free_port)
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @staticmethod
    def missing() -> list[str]:
        """List the programs that are not installed."""
        return [name for name in PROGRAMS if shutil.which(name) is None]

    @property
    def options(self) -> dict[str, object]:
        """What s3fs has to know of it."""
        return {"endpoint_url": f"http://127.0.0.1:{self.port}", "key": KEY, "secret": SECRET}

    def start(self) -> None:
        """Make a cluster and start it; what was started is ended where that fails."""
        try:
            self._configure()
            self._start_cluster()
            self._start("radosgw", "-n", "client.rgw.a")
            self._await_gateway()
            self._admin(
                "user", "create", "--uid=t", "--display-name=t", f"--access-key={KEY}", f"--secret-key={SECRET}"
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the daemons, the last one first."""
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait(10)

    def _configure(self) -> None:
        self.fsid = str(uuid.uuid4())
        self.mon = f"v2:127.0.0.1:{free_port()},v1:127.0.0.1:{free_port()}"
        for name in ("mon", "osd", "mgr", "run"):
            (self.folder / name).mkdir()
        settings = {
            "fsid": self.fsid,
            "mon host": f"[{self.mon}]",
            "public addr": "127.0.0.1",
            "cluster addr": "127.0.0.1",
            "keyring": self.folder / "keyring",
            "run dir": self.folder / "run",
            "admin socket": self.folder / "run" / "$name.asok",
            "log file": self.folder / "$name.log",
            "mon data": self.folder / "mon",
            "mon data avail crit": 1,
            "mon allow pool size one": "true",
            "osd data": self.folder / "osd",
            "osd objectstore": "memstore",
            "memstore device bytes": 2 << 30,
            "osd pool default size": 1,
            "osd pool default min size": 1,
            "osd pool default pg num": 1,
            "osd pool default pgp num": 1,
            "osd crush chooseleaf type": 0,
            "mgr data": self.folder / "mgr",
            "mgr initial modules": "",
            "rgw frontends": f"beast endpoint=127.0.0.1:{self.port}",
            "rgw enable gc threads": "false",
            "rgw enable lc threads": "false",
            "rgw thread pool size": 64,
        }
        text = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (self.folder / "ceph.conf").write_text(f"[global]\n{text}")
        keyring = str(self.folder / "keyring")
        for index, (name, rights) in enumerate(_RIGHTS.items()):
            caps = [text for kind, right in rights.items() for text in ("--cap", kind, right)]
            create = ["--create-keyring"] if index == 0 else []
            self._run("ceph-authtool", keyring, *create, "--gen-key", "-n", name, *caps)

    def _start_cluster(self) -> None:
        monmap, keyring = str(self.folder / "monmap"), str(self.folder / "keyring")
        self._run("monmaptool", "--create", "--fsid", self.fsid, "--addv", "a", f"[{self.mon}]", monmap)
        self._run("ceph-mon", *self._conf, "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self._start("ceph-mon", "-i", "a")
        self._start("ceph-mgr", "-i", "x")
        osd = str(uuid.uuid4())
        self._run("ceph", *self._conf, "--connect-timeout", str(int(_STEP)), "osd", "new", osd)
        self._run("ceph-osd", *self._conf, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._start("ceph-osd", "-i", "0")

    @property
    def _conf(self) -> list[str]:
        return ["-c", str(self.folder / "ceph.conf")]

    def _admin(self, *arguments: str) -> None:
        self._run("radosgw-admin", *self._conf, "-n", "client.rgw.a", *arguments)

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, timeout=_STEP, cwd=self.folder, check=False)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr.decode()}")

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.said").open("wb") as said:
            command = [program, "-f", *self._conf, *arguments]
            self.daemons.append(subprocess.Popen(command, stdout=said, stderr=said, cwd=self.folder))

    def _await_gateway(self) -> None:
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline and all(daemon.poll() is None for daemon in self.daemons):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5):
                    return
            except OSError as error:
                if isinstance(error, urllib.error.HTTPError):
                    error.close()
                    return
                time.sleep(0.2)
        said = "".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.said")))
        raise RuntimeError(f"the gateway did not start:\n{said}")
