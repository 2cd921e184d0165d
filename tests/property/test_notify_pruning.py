"""Whatever a queue has been through, pruning takes only what is done and old, and never the newest."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.records.memory import MemoryRecords
from consumers.records.notices.memory import MemoryNotices
from tests.notices_world import channel
from tests.pruning_world import STEPS, Life
from tests.records_world import Hand

LIVES = st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from("ab")), min_size=20, max_size=60)


@settings(deadline=None, max_examples=150)
@given(LIVES)
def test_pruning_takes_only_what_is_done_and_old_and_never_the_newest(life):
    async def live() -> None:
        clock = Hand()
        notices = MemoryNotices(MemoryRecords(clock))
        await notices.put_channel(channel())
        lived = Life(notices, clock)
        for what, lane in life:
            await lived.step(what, lane)
        await lived.drain()
        told: dict[str, list[int]] = {}
        for lane, number in lived.sent:
            told.setdefault(lane, []).append(number)
        if not any(what in {"bury", "replay"} for what, _ in life):
            assert all(numbers == sorted(numbers) for numbers in told.values()), "in order"
            assert sum(map(len, told.values())) == lived.made, "nothing is lost"

    asyncio.run(live())
