"""
`python -m tests.bench.watch`: what deciding a minute of 10,000 series costs on one core.

Prints seconds for a minute with all series touched, with 100 touched, and for the first minute of an
hour, in which every baseline learns; bytes of state a series; and what a commit writes to SQLite. Times
stand beside that of deciding every series in the same minute (``decide_all``), the peer.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from consumers.records.alerts import Minute
from consumers.records.database import open_records
from consumers.records.engine import engine_of
from consumers.records.schema import upgrade
from consumers.watch.core.evidence import Seen
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.together import All, decide_all
from consumers.watch.evidence import Setting
from consumers.watch.keeping import Kept, changes
from consumers.watch.whole import Whole, whole_minute
from tests.watch_series import SERIES, START, learnt, minute_of

FEW = 100
ROUNDS = 5


def timed(kept: Kept, setting: Setting, touched: int, first: int) -> tuple[float, Whole]:
    """Decide some minutes; return the median of their seconds, and the last of them."""
    taken, whole = [], None
    known = None
    for minute in range(first, first + ROUNDS):
        seen = minute_of(minute, touched)
        begun = time.perf_counter()
        whole = whole_minute(kept, minute, seen, {}, setting, known)
        taken.append(time.perf_counter() - begun)
        kept, known = whole.kept, whole.decided.known
    assert whole is not None
    return statistics.median(taken), whole


def eager(state: All, seen: Mapping[str, Seen], minute: int) -> float:
    """Return the seconds of a minute in which every series is decided."""
    thresholds = dict.fromkeys(state.series, 17.0)
    begun = time.perf_counter()
    decide_all(state, minute, seen, thresholds, Parameters())
    return time.perf_counter() - begun


async def written(folder: Path, kept: Kept, after: Kept) -> dict[str, tuple[int, int, float]]:
    """Commit everything, then what changed: values, bytes and seconds of each."""
    url = f"sqlite:///{folder / 'records.db'}"
    engine = engine_of(url)
    upgrade(engine)
    engine.dispose()
    records = await open_records(url)
    lease = await records.acquire("bench", 600_000)
    found = {}
    before, last = kept, None
    for what, value, first in (("all", kept, True), ("changed", after, False)):
        minute = START if last is None else last + 1
        begun = time.perf_counter()
        states = changes(before, value, Parameters(), first=first)
        await records.commit_minute(lease, Minute(minute, last, states))
        took = time.perf_counter() - begun
        found[what] = len(states), sum(map(len, states.values())), took
        before, last = value, minute
    await records.close()
    return found


def main() -> None:
    """Measure and print."""
    console = Console()
    setting = Setting(Parameters(), 0.5)
    state = learnt(setting)
    kept = Kept(state, (0,))
    first = max(series.tick for series in state.series.values()) + 1
    assert first % 60 == 1, "the first minute of an hour is decided"
    table = Table("minute", "s", "every series decided, s", title=f"{SERIES:,} series, one core")
    every, all_of = timed(kept, setting, SERIES, first)
    table.add_row(
        "all touched", f"{every:.3f}", f"{eager(state, minute_of(first, SERIES), first):.3f}"
    )
    few, few_of = timed(kept, setting, FEW, first)
    table.add_row(
        f"{FEW} touched", f"{few:.3f}", f"{eager(state, minute_of(first, FEW), first):.3f}"
    )
    hour = first + 59
    quiet, known = few_of.kept, few_of.decided.known
    for minute in range(first + ROUNDS, hour):
        done = whole_minute(quiet, minute, minute_of(minute, FEW), {}, setting, known)
        quiet, known = done.kept, done.decided.known
    begun = time.perf_counter()
    whole_minute(quiet, hour, minute_of(hour, FEW), {}, setting, known)
    table.add_row(f"{FEW} touched, a new hour", f"{time.perf_counter() - begun:.3f}", "")
    console.print(table)
    for touched, after in ((SERIES, all_of), (FEW, few_of)):
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(written(Path(folder), kept, after.kept))
        for what, (values, size, took) in found.items():
            console.print(
                f"{touched:,} touched, {what}: {values:,} values, {size:,} B, {took:.3f} s"
            )


if __name__ == "__main__":
    main()
