"""
Headlines dated to the minute, through `replay` and the live programs, beside `detect` over the same items.

    rows ──► replay ──► consume ──┬──► count ──► watch ──► topic `alerts` ────┐
                                  └──► topic `opinions` ──► detect ──► the same alarms?

`detect` is given the opinions, for a quantised model labels a text a little otherwise in another batch:
how many items `classify` labels otherwise is counted apart. The items are of one source, so that one has
to be enough (``watch_sources``, ``--sources``). Both have the series of the topics and that of all, and the same
threshold for each: `detect` at the budget of its own series, `watch` at that of all that it knows but entities.
The replay goes as fast as it can, a fortnight at a time, for minutes are kept for a month. Broker
and store are the embedded ones.
"""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec

from consumers.watch.detect_input import read_items, time_of
from groundswell.events import Opinion, decode_log
from tests.brokers import tansu_broker
from tests.integration.log import Kafka
from tests.integration.programs import Program, base_environment, command
from tests.integration.stack import Stack
from tests.integration.store import Store

FIRST, LAST = "2020-02-01", "2020-03-31"
"""The days that are replayed: a month to learn in, and the one in which most happened."""
A_SERIES = 1 / 7
"""False alarms a day that each series may raise: enough alarms to compare."""
BY = "both"
LATENESS = 120
FORTNIGHT = 14
KEPT_HOURS = 744
PATIENCE = 900.0
"""Seconds until a fortnight that is not decided is given up."""


class Found(msgspec.Struct, frozen=True, order=True):
    """An alarm: the end of the minute that raised it, where, about what, and since when."""

    decided: str
    series: str
    kind: str
    onset: str


Labels = tuple[str, str, tuple[str, ...], tuple[str, ...]]
"""Of an item: title, tone, topics, and in which series it is new."""


class Replayed(msgspec.Struct):
    """What both found; ``relabelled`` items get other labels, or are new elsewhere, from `classify`."""

    first: str
    last: str
    items: int
    minutes: int
    series: int
    others: int
    """Series that only `watch` has: entities."""
    relabelled: int
    offline: list[Found]
    live: list[Found]


def measured(data: Path, work: Path, bundle: Path, log: Any) -> Replayed | None:
    """Run both ways; None without the data."""
    source = data / "stream" / "headlines_2017_2020.jsonl"
    if not source.exists():
        log(f"not measured: {source} is not here")
        return None
    rows = list(_rows(source))
    whole, opinions = work / "minutes.jsonl", work / "minutes.opinions.jsonl"
    _write(whole, rows)
    labelled = work / "minutes.labelled.jsonl"
    _run("classify", str(whole), "--stories", "--out", str(labelled), "--bundle", str(bundle))
    series = len(read_items(labelled, 1, BY, (), LATENESS).names)
    log(f"{len(rows)} rows labelled, {series} series")
    told = asyncio.run(_live(rows, work, bundle, series, log))
    _write(opinions, [msgspec.to_builtins(opinion) for opinion in told.opinions])
    offline = _detected(opinions)
    log(f"detect: {len(offline)} alarms; live: {len(told.found)}")
    return Replayed(
        FIRST, LAST, len(rows), _minute(rows[-1]) - _minute(rows[0]) + 1, series,
        told.series - series, _differing(labelled, told.opinions), sorted(offline), sorted(told.found),
    )  # fmt: skip


def _rows(source: Path) -> Iterator[dict[str, str]]:
    with source.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["precision"] == "minute" and FIRST <= row["published_at"][:10] <= LAST:
                kept = {name: row[name] for name in ("published_at", "title", "source")}
                yield kept | {"body": row["summary"]}


def _write(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.write_text("".join(lines), encoding="utf-8")


def _run(*arguments: str) -> str:
    """Run a command to its end; return what it printed."""
    done = subprocess.run(
        command(*arguments), env=base_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{arguments[0]} failed: {done.stderr}")
    return done.stdout


def _detected(opinions: Path) -> list[Found]:
    """Return the alarms of `detect`, umbrellas aside."""
    budget = len(read_items(opinions, 1, BY, (), LATENESS).names) * A_SERIES
    options = ("--tick", "minute", "--sources", "1", "--by", BY, "--budget", str(budget))
    rows = [json.loads(line) for line in _run("detect", str(opinions), *options).splitlines()]
    return [
        Found(row["decided"], row["series"], row["kind"], row["onset"])
        for row in rows
        if row["kind"] != "umbrella"
    ]


class Told(NamedTuple):
    """What the live programs said: alarms, opinions in the order of the items' times, and all series."""

    found: list[Found]
    opinions: list[Opinion]
    series: int


async def _live(
    rows: Sequence[dict[str, str]], work: Path, bundle: Path, series: int, log: Any
) -> Told:
    """Replay ``rows`` through the programs, on a broker and a store of their own."""
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory()))
        broker = held.enter_context(tansu_broker(folder))
        store = Store(folder / "store")
        store.start()
        held.callback(store.stop)
        stack = Stack(
            Kafka(broker.bootstrap), store, folder,
            bundle=bundle, clock="records", minutes_kept_hours=KEPT_HOURS, watch_back_hours=KEPT_HOURS,
            watch_sources=1, watch_budget=series * A_SERIES, records_url=f"sqlite:///{folder / 'records.db'}",
        )  # fmt: skip
        held.callback(stack.close)
        await stack.make_topics()
        consume, count = (stack.programs.start(name) for name in ("consume-1", "count-1"))
        await stack.programs.ready(consume, count)
        watch = stack.programs.start("watch-1")
        for number, some in groupby(rows, key=lambda row: _minute(row) // (1440 * FORTNIGHT)):
            part = work / f"minutes.{number}.jsonl"
            fortnight = list(some)
            _write(part, fortnight)
            done = await stack.programs.run("replay", str(part))
            if done.code:
                raise SystemExit(f"replay failed: {done.err}")
            await _until_decided(stack, watch, _minute(fortnight[-1]))
            log(f"decided until {fortnight[-1]['published_at']}")
        return await _told(stack, watch)


async def _until_decided(stack: Stack, watch: Program, minute: int) -> None:
    async def is_decided() -> bool:
        return (await watch.metrics()).get("groundswell_watch_decided_minute", 0) >= minute

    await stack.programs.until(f"minute {minute} is decided", is_decided, PATIENCE)


async def _told(stack: Stack, watch: Program) -> Told:
    """Read the alarms from topic `alerts`, the first firing of each alert, and the opinions."""
    found: dict[str, Found] = {}
    for record in (await stack.kafka.read(stack.alerts)).get(0, []):
        row = json.loads(record.value or b"{}")
        if row["kind"] == "surge" and row["after"] == "firing" and row["alert"] not in found:
            decided, onset = time_of(row["minute"] + 1, 1), time_of(row["onset"], 1)
            found[row["alert"]] = Found(decided, row["series"], row["about"], onset)
    records = [r for rs in (await stack.kafka.read(stack.opinions)).values() for r in rs]
    read = [o for r in records if isinstance(o := decode_log(r.value or b""), Opinion)]
    opinions = sorted(read, key=lambda opinion: opinion.published_at)
    metrics = await watch.metrics()
    series = sum(v for k, v in metrics.items() if k.startswith("groundswell_watch_series{"))
    ours = [alarm for alarm in found.values() if not alarm.series.startswith("entity:")]
    return Told(ours, opinions, int(series))


def _differing(labelled: Path, opinions: Sequence[Opinion]) -> int:
    """Count the items that were labelled, or told to be new, in another way live than offline."""
    with labelled.open(encoding="utf-8") as lines:
        offline = Counter(_labels(json.loads(line)) for line in lines)
    live: Counter[Labels] = Counter(
        (o.title, str(o.sentiment.label), _sorted(t.label for t in o.topics), _ours(o.new_in or ()))
        for o in opinions
    )
    return (offline - live).total()


def _labels(row: dict[str, Any]) -> Labels:
    topics = _sorted(topic["label"] for topic in row["topics"])
    return row["title"], row["sentiment"]["label"], topics, _ours(row["new_in"])


def _sorted(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(labels))


def _ours(series: Iterable[str]) -> tuple[str, ...]:
    """Return the series that `detect` knows as well."""
    return _sorted(name for name in series if not name.startswith("entity:"))


def _minute(row: dict[str, str]) -> int:
    return int(datetime.fromisoformat(row["published_at"]).timestamp()) // 60
