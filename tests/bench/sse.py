"""
The stream of alerts under load: `python -m tests.bench.sse`.

A thousand clients follow one process of `groundswell serve` over SQLite, leave at random and come back with
their last id, while transitions are written; some take nothing at all. Printed: what was missing or told
twice (must be nothing), reconnections, the lag from writing to the last client, and the memory of the
process: with no client, with all, and a client more.
"""

import argparse
import asyncio
import random
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console

from consumers.records.database import DatabaseRecords, open_records
from consumers.records.engine import engine_of
from consumers.records.tail import DatabaseTail
from tests.serving import Serving, act, fire
from tests.sse_clients import Client, faults

MIB = 1024 * 1024


def memory(serving: Serving) -> float:
    """The resident memory of the process, in MiB."""
    assert serving.process
    return float(psutil.Process(serving.process.pid).memory_info().rss / MIB)


def deaf(port: int, key: str) -> socket.socket:
    """A client that asks for everything and takes nothing."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    made.sendall(
        f"GET /api/v1/alerts/stream?after=0 HTTP/1.1\r\nHost: a\r\n"
        f"Authorization: Bearer {key}\r\n\r\n".encode()
    )
    return made


async def write(records: DatabaseRecords, events: int, pause: float) -> list[float]:
    """Write transitions; returns when each was."""
    times = []
    for number in range(events):
        await act(records, number)
        times.append(time.monotonic())
        await asyncio.sleep(pause)
    return times


async def measure(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Run it all once."""
    serving = Serving(folder, {"serve_streams": "5000", "serve_slow_seconds": "10"})
    key = serving.key("viewer")
    serving.start()
    records = await open_records(serving.url)
    await fire(records)
    idle = memory(serving)
    clients = [
        Client(serving.port, key, random.Random(n), asked.leave) for n in range(asked.clients)
    ]
    written, final = asyncio.Event(), list[int]()
    begun = time.monotonic()
    following = [asyncio.create_task(client.run(written, final)) for client in clients]
    while not all(client.began is not None for client in clients):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    connected, peak = time.monotonic() - begun, memory(serving)
    full = peak
    slow = [deaf(serving.port, key) for _ in range(asked.deaf)]
    writing = asyncio.create_task(write(records, asked.events, asked.pause))
    while not writing.done():
        await asyncio.sleep(0.2)
        peak = max(peak, memory(serving))
    times = await writing
    engine = engine_of(serving.url)
    happened = (await DatabaseTail(engine).after(0, 1_000_000)).lines
    numbers = [one.transition.number for one in happened]
    final.append(numbers[-1])
    written.set()
    await asyncio.wait_for(asyncio.gather(*following), 300)
    lag = time.monotonic() - times[-1]
    peak = max(peak, memory(serving))
    wrong = [fault for client in clients for fault in faults(client, numbers)]
    for one in slow:
        one.close()
    engine.dispose()
    await records.close()
    ended = serving.stop()
    told = sum(len(client.told) for client in clients)
    connects = sum(client.connects for client in clients)
    for fault in wrong[:10]:
        Console(stderr=True).print(fault)
    return {
        "clients": asked.clients,
        "clients that take nothing": asked.deaf,
        "transitions written": asked.events,
        "events told": told,
        "reconnections": connects - asked.clients,
        "refused for a while": sum(client.refused for client in clients),
        "clients with a gap or a repeat": len(wrong),
        "seconds until all were connected": connected,
        "seconds from the last transition to the last client": lag,
        "events told a second, while writing": told / (times[-1] - times[0]),
        "MiB without a client": idle,
        "MiB with all clients": full,
        "MiB at most": peak,
        "KiB a client": (full - idle) * 1024 / asked.clients,
        "exit code": ended,
        "median transitions a client": statistics.median(len(c.told) for c in clients),
    }


def main() -> None:
    """Measure and print; exit 1 where something was lost or told twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--deaf", type=int, default=20)
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--leave", type=float, default=0.01)
    parser.add_argument("--pause", type=float, default=0.1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="groundswell-bench-") as folder:
        found = asyncio.run(measure(asked, Path(folder)))
    for name, value in found.items():
        shown = f"{value:,.2f}" if value != int(value) else f"{int(value):,}"
        Console().print(f"{name:55} {shown}")
    if found["clients with a gap or a repeat"]:
        sys.exit("something was lost or told twice")


if __name__ == "__main__":
    main()
