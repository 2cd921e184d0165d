"""The main promise on real input: every item once, whatever happens; prints its figures (`make soak`)."""

import asyncio
import json
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.chaos import Crew, carry_out, plan, watch
from tests.integration.feed import deliver, make_feed, stream_file
from tests.integration.oracle import Verdicts
from tests.integration.stack import TINY, Stack

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
BUNDLE = Path(os.environ.get("GROUNDSWELL_SOAK_BUNDLE", ROOT / "deploy/models/default"))
BUNDLE_2 = Path(os.environ.get("GROUNDSWELL_SOAK_BUNDLE_2", TINY))
SEED = int(os.environ.get("GROUNDSWELL_SOAK_SEED", "0")) or time.time_ns() % 1_000_000
SECONDS = float(os.environ.get("GROUNDSWELL_SOAK_SECONDS", "300"))
LIMIT = int(os.environ.get("GROUNDSWELL_SOAK_ITEMS", "0")) or None
KILLS = 20
PARTITIONS = 4
QUIET_SECONDS = 600.0


@pytest.fixture(scope="module")
def feed():
    file = stream_file()
    if not file.is_file():
        pytest.skip(f"no headlines at {file}: set GROUNDSWELL_DATA to the JSON lines of the stream")
    if not BUNDLE.is_dir():
        pytest.skip(f"no bundle at {BUNDLE}: `make model`, or set GROUNDSWELL_SOAK_BUNDLE")
    return make_feed(file, PARTITIONS, LIMIT)


@pytest.fixture
async def soak_stack(make_stack, quick):
    return await make_stack(
        quick,
        partitions=PARTITIONS,
        clock="records",
        bundle=BUNDLE,
        threads=0,
        mark_interval_ms=1000,
        log_level="info",
    )


async def test_one_of_each_counts_every_headline_once(soak_stack, feed):
    stack = soak_stack
    await deliver(stack.kafka, stack.news, feed, at_once=1.0, seconds=0)
    programs = [stack.programs.start("consume-1"), stack.programs.start("count-1")]
    await stack.programs.ready(*programs)
    began = time.monotonic()

    await stack.wait_until_settled(len(feed.records), timeout=1800)
    seconds = time.monotonic() - began

    said = await stack.check_exact()
    figures(
        run="one of each",
        headlines=feed.headlines,
        malformed=feed.malformed,
        expected=feed.headlines + feed.malformed,
        counted=said.counted,
        refused=said.refused,
        refused_by_reason=reasons(said),
        ticks=said.kinds["tick"],
        repeats=said.repeats,
        holes=said.holes,
        difference="none",
        seconds=round(seconds, 1),
        items_per_second=round((said.counted + said.refused) / seconds),
    )
    assert said.counted + said.refused == feed.headlines + feed.malformed
    assert said.refused >= feed.malformed


async def test_through_kills_zombies_swaps_and_lost_stores_every_headline_counts_once(
    soak_stack, feed, broker_pid
):
    stack = soak_stack
    print(f"\nseed {SEED} (GROUNDSWELL_SOAK_SEED={SEED} repeats it)")
    crew = Crew(stack, random.Random(SEED))
    began = time.monotonic()
    seen: dict[int, dict[str, float]] = {}
    crew.join("consume-1", kafka_instance_id="one")
    crew.join("consume-2", max_record_bytes=1024)
    crew.join("count-1", kafka_instance_id="one")
    crew.join("count-2")
    await stack.programs.ready(*crew.living.values())
    watching = asyncio.create_task(watch(crew, seen))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(
                deliver(stack.kafka, stack.news, feed, at_once=0.3, seconds=0.9 * SECONDS)
            )
            group.create_task(carry_out(crew, plan(crew, SECONDS, KILLS, BUNDLE_2, broker_pid)))
        crew.start_again()
        for program in crew.leaving:
            code = await program.ended()
            # Asked before it has come so far as to listen for it, a program just ends.
            assert code == 0 or '"listening"' not in program.said(), program.said()[-2000:]
        await stack.wait_until_settled(len(feed.records), timeout=QUIET_SECONDS)

        async def no_lag():
            return not any((await stack.lag()).values())

        await stack.programs.until("no lag is left", no_lag)
    finally:
        watching.cancel()
    seconds = time.monotonic() - began

    said = await stack.check_exact()
    figures(
        run="two of each and a third, with bad luck",
        seed=SEED,
        expected=feed.headlines + feed.malformed,
        counted=said.counted,
        refused=said.refused,
        refused_by_reason=reasons(said),
        ticks=said.kinds["tick"],
        kills=crew.kills,
        bundles=said.bundles,
        repeats=said.repeats,
        holes=said.holes,
        difference="none",
        lag=await stack.lag(),
        zombies=crew.zombies,
        partitions_taken_over=taken_over(stack),
        mismatches_caught=sums(seen).get("groundswell_count_mismatches_total", 0),
        metrics=sums(seen),
        seconds=round(seconds, 1),
    )
    assert said.counted + said.refused == feed.headlines + feed.malformed
    assert said.refused > feed.malformed
    assert len(said.bundles) == 2
    assert sum(crew.kills.values()) >= KILLS
    assert crew.zombies


def reasons(said: Verdicts) -> dict[str, int]:
    """Return how many were refused for what."""
    return {k: n for k, n in sorted(said.kinds.items()) if k not in {"opinion", "tick"}}


def taken_over(stack: Stack) -> dict[str, int]:
    """Count how often partitions were taken over, by all lives of each program."""
    events = {"consume": '"event": "assigned"', "count": '"event": "counting"'}
    found = dict.fromkeys(events, 0)
    for life in stack.programs.lives:
        kind = life.name.partition("-")[0]
        found[kind] += life.said().count(events[kind])
    return found


def sums(seen: dict[int, dict[str, float]]) -> dict[str, float]:
    """Add every counter up over all lives: what was last seen of each."""
    total: Counter[str] = Counter()
    for samples in seen.values():
        total.update({k: v for k, v in samples.items() if k.partition("{")[0].endswith("_total")})
    return {
        key: value
        for key, value in sorted(total.items())
        if value and not key.startswith(("process_", "python_"))
    }


def figures(**values: object) -> None:
    print("\n" + json.dumps(values), flush=True)
