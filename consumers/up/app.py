"""
`up`: everything on one machine, by one command.

An embedded broker and store, `topics`, `consume`, `count`, `watch`, `notify` and `serve` as processes of
their own, a sample stream with its history, a receiver of the messages, and the live table in the
foreground. Rule: everything that was started is stopped, whatever happens.
"""

import asyncio
import json
import math
import shlex
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from consumers.adapters import embedded
from consumers.adapters.clock import SystemClock
from consumers.adapters.kafka_publisher import KafkaPublisher
from consumers.adapters.redis_counts import RedisCounts, open_counts
from consumers.ports import Clock, Publisher
from consumers.records.database import DatabaseRecords, open_records
from consumers.up import figures
from consumers.up.alerts import Board, moved
from consumers.up.feed import feed
from consumers.up.history import answers, history, publish
from consumers.up.http import get
from consumers.up.look import settled
from consumers.up.pace import HISTORY_DAYS, Pace, pace_of
from consumers.up.programs import Programs
from consumers.up.receiver import Receiver
from consumers.up.sample import load_texts, surge_for
from consumers.up.subscriber import ADDRESS, Subscriber
from consumers.up.surroundings import environment
from consumers.up.table import Picture, render
from consumers.up.top import Watcher
from consumers.web.server import answering
from groundswell.errors import CannotContinue, Transient
from groundswell.settings import PREFIX, Settings, load

LATENCY: Final = "groundswell_count_latency_seconds"
DECIDED: Final = "groundswell_watch_decided_minute"
_READY_SECONDS: Final = 90.0
_CATCH_UP_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 12.0
_WINDOW: Final = 60
_OPEN_MINUTES: Final = 2
"""At the stream's end: the minute of its last item, and the one of its last tick."""
_PROGRAMS: Final = ("consume", "count", "watch", "notify", "serve")


async def _ready(programs: Programs, ports: dict[str, int], clock: Clock) -> None:
    """Wait until each program says that it is ready; the embedded broker's joins take seconds."""
    deadline = clock.now() + _READY_SECONDS
    for name, port in ports.items():
        said = "nothing yet"
        while True:
            programs.check()
            try:
                status, said = await get(port, "/readyz")
            except Transient:
                status = 0
            if status == 200:  # noqa: PLR2004 - HTTP's own
                break
            if clock.now() > deadline:
                raise CannotContinue(f"{name} is not ready after {_READY_SECONDS:g} s: {said}")
            await asyncio.sleep(0.1)


async def run(
    *, seconds: float, rate: float, speed: float, as_json: bool, bundle: Path | None
) -> int:
    """Run it; the command's body."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    clock, console = SystemClock(), Console(stderr=as_json)
    begun = clock.now()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(embedded.tansu())
        store = await stack.enter_async_context(embedded.valkey(embedded.free_port()))
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="groundswell-logs-")))
        pace = pace_of(clock.wall(), speed)
        surroundings = environment(address, store, logs / "records.db", bundle, pace)
        settings = load(surroundings, {})
        programs = Programs(surroundings, logs)
        stack.push_async_callback(programs.stop, _STOP_SECONDS)
        console.print(
            f"broker {address}, store {store}; starting topics, consume, count, watch, notify, serve …",
            style="bright_black",
        )
        await programs.once("topics")
        ports = {name: embedded.free_port() for name in _PROGRAMS}
        for name in ("consume", "count"):
            await programs.start(name, port=ports[name])
        publisher = KafkaPublisher(settings, in_flight=2000)
        await publisher.start()
        stack.push_async_callback(publisher.stop)
        counts = open_counts(settings)
        stack.push_async_callback(counts.close)
        records, subscriber = await _told(settings, stack)
        past = 0
        if pace.replays:
            console.print(f"a history of {HISTORY_DAYS} days …", style="bright_black")
            past = await _past(settings, publisher, rate, pace)
        await _unless(stopping, _started(programs, ports, counts, past, clock))
        if stopping.is_set():
            return 130
        ready_after = clock.now() - begun
        console.print(await _how_to_ask(settings, subscriber), soft_wrap=True, highlight=False)
        task = asyncio.create_task(
            feed(publisher, settings.news_topic, rate, surge_for(seconds), seconds, clock, pace)
        )
        stack.callback(task.cancel)
        watcher = Watcher(counts, _WINDOW, clock, Board(records))
        fed = clock.now()
        await _show(watcher, subscriber.receiver, task, programs, stopping, quiet=as_json)
        if not task.done() or stopping.is_set():
            return 0 if seconds == 0 else 130
        produced = task.result()
        caught_up = await _catch_up(counts, past + produced, clock)
        if pace.replays:
            await _decided(ports["watch"], counts, settings.lateness_seconds, clock)
        result = await _figures(ports, watcher, produced, past, clock.now() - fed)
        _say(watcher, subscriber.receiver, _speaker(quiet=as_json))
        result |= {
            "startup_s": round(ready_after, 1),
            "alerts": moved(watcher.lines),
            "messages": [asdict(message) for message in subscriber.receiver.messages],
        }
        if pace.replays:
            del result["publication_to_count"]  # its records tell another time than the wall clock
        _print(result, watcher.picture, as_json=as_json)
        return 0 if caught_up else 1


async def _told(settings: Settings, stack: AsyncExitStack) -> tuple[DatabaseRecords, Subscriber]:
    """Open the records, and subscribe a receiver that listens until the stack ends."""
    records = await open_records(settings.records_url.get_secret_value())
    stack.push_async_callback(records.close)
    subscriber = Subscriber()
    port = await stack.enter_async_context(answering(subscriber.receiver.app, ADDRESS, 0))
    await subscriber.subscribe(settings, port)
    return records, subscriber


async def _past(settings: Settings, publisher: Publisher, rate: float, pace: Pace) -> int:
    """Label the sample's texts and publish its history; return how many opinions it holds."""
    texts = load_texts()
    said = await asyncio.to_thread(answers, settings, texts)
    partitions = await publisher.partitions(settings.opinions_topic)
    records = history(texts, said, rate, pace, partitions)
    return await publish(publisher, settings.opinions_topic, records)


async def _started(
    programs: Programs, ports: dict[str, int], counts: RedisCounts, past: int, clock: Clock
) -> None:
    """
    Wait until the history is counted; then start `watch`, which learns from it, and who tells of it.

    `serve` answers when this ends: whoever is then told how to ask it is not turned away.
    """
    await _ready(programs, {n: ports[n] for n in ("consume", "count")}, clock)
    while settled(await counts.states()) < past:
        programs.check()
        await asyncio.sleep(0.1)
    for name in ("notify", "serve", "watch"):
        await programs.start(name, port=ports[name])
    await _ready(programs, {"serve": ports["serve"]}, clock)


async def _how_to_ask(settings: Settings, subscriber: Subscriber) -> str:
    """Return the line that gives another terminal the records and the API of this run."""
    given = {
        "API": f"http://{ADDRESS}:{settings.serve_port}/api/v1",
        "KEY": await subscriber.key(settings),
        f"{PREFIX}RECORDS_URL": settings.records_url.get_secret_value(),
    }
    told = " ".join(f"{name}={shlex.quote(value)}" for name, value in given.items())
    return f"to ask it from another terminal: export {told}"


async def _unless(stopping: asyncio.Event, work: Any) -> None:
    """Await ``work``, but no longer than until the user wants to stop."""
    task, stop = asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if task.done():
        task.result()
    else:
        task.cancel()


def _speaker(*, quiet: bool) -> Console:
    """Return what transitions and messages are printed on: each a line, however long."""
    return Console(stderr=quiet, quiet=quiet, soft_wrap=True)


def _say(watcher: Watcher, receiver: Receiver, console: Console) -> None:
    """Print each transition and message that has not been printed."""
    for line in watcher.fresh():
        console.print(Text("\n  ".join((line.text, *(story.text for story in line.stories)))))
    for message in receiver.fresh():
        console.print(Text(message.text, style="bold cyan"))


async def _show(
    watcher: Watcher,
    receiver: Receiver,
    task: asyncio.Task[int],
    programs: Programs,
    stopping: asyncio.Event,
    *,
    quiet: bool,
) -> None:
    """Draw the table once a second until the stream ends or the user stops; say each transition and message."""
    console = _speaker(quiet=quiet)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while not stopping.is_set() and not task.done():
            programs.check()
            live.update(render(await watcher.look()), refresh=True)
            _say(watcher, receiver, console)
            waits = {task, asyncio.ensure_future(stopping.wait())}
            await asyncio.wait(waits, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            (waits - {task}).pop().cancel()


async def _catch_up(counts: RedisCounts, produced: int, clock: Clock) -> bool:
    """Wait, within bounds, until everything that was produced is counted or refused."""
    deadline = clock.now() + _CATCH_UP_SECONDS
    while settled(await counts.states()) < produced:
        if clock.now() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


async def _decided(port: int, counts: RedisCounts, lateness: float, clock: Clock) -> None:
    """Wait, within bounds, until `watch` has decided every minute that no item can be late for any more."""
    deadline = clock.now() + _CATCH_UP_SECONDS
    newest = max((await counts.series()).values(), default=0)
    over = newest - _OPEN_MINUTES - math.ceil(lateness / 60)
    while clock.now() < deadline:
        _, page = await get(port, "/metrics")
        if figures.value(page, DECIDED) >= over:
            return
        await asyncio.sleep(0.2)


async def _figures(
    ports: dict[str, int], watcher: Watcher, produced: int, past: int, elapsed: float
) -> dict[str, Any]:
    """Put together what the run has shown."""
    _, page = await get(ports["count"], "/metrics")
    picture = await watcher.look()
    counted = picture.counted - past
    rows = {r.series: (*r.tones, r.stories) for r in picture.rows}
    return {
        "produced": produced,
        "history": past,
        "counted": counted,
        "refused": picture.refused,
        "seconds": round(elapsed, 1),
        "per_second": round((counted + picture.refused) / elapsed, 1),
        "lag_items": produced - counted - picture.refused,
        "publication_to_count": figures.milliseconds(figures.buckets(page, LATENCY)),
        "series": figures.series_table(rows),
    }


def _print(result: dict[str, Any], picture: Picture, *, as_json: bool) -> None:
    """Print the figures of a run: one JSON object, or the table and the rest of them."""
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
        return
    console = Console()
    console.print(render(picture))
    console.print_json(json.dumps({k: v for k, v in result.items() if k != "series"}))
