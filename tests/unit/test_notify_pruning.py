"""When `notify` prunes, and what its settings mean; what goes is in tests/contract/test_notices_pruning.py."""

import pytest
from prometheus_client import generate_latest

from consumers.notify.metrics import Metrics
from consumers.notify.pruning import DAY_MS, LOOK_SECONDS, Pruning, kept
from consumers.records.memory import MemoryRecords
from consumers.records.notices.memory import MemoryNotices
from consumers.records.notices.ports import Outcome
from groundswell.settings import Settings
from tests.notices_world import channel, planned
from tests.records_world import Hand
from tests.web_world import HandClock


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ({}, (30 * DAY_MS, 400 * DAY_MS)),
        ({"deliveries_retention_days": -1}, (None, 400 * DAY_MS)),
        ({"notification_log_retention_days": -1}, (30 * DAY_MS, None)),
        ({"deliveries_retention_days": 7}, (7 * DAY_MS, 400 * DAY_MS)),
    ],
)
def test_how_long_things_are_kept(given, means):
    assert kept(Settings(**given)) == means


async def test_much_goes_little_by_little_then_it_is_looked_at_once_an_hour():
    hand = Hand()
    notices, metrics = MemoryNotices(MemoryRecords(hand)), Metrics()
    await notices.put_channel(channel())
    for number in range(1102):
        await notices.enqueue([planned(number, str(number))])
    while claims := await notices.claim("w", 10, 1, {}):
        for claim in claims:
            await notices.settle(claim, Outcome("sent", "200"))
    pruning = Pruning(notices, HandClock(hand), metrics, DAY_MS, None)
    left = []

    async def turn():
        assert await pruning.turn() == 0, "a turn that hurried would hold the others up"
        left.append(len(await notices.deliveries(limit=10_000)))

    await turn()
    hand.at += DAY_MS + 1
    for _ in range(4):
        await turn()
    assert left == [1102, 602, 102, 1, 1]
    await notices.enqueue([planned(2000)])
    hand.at += int(LOOK_SECONDS * 1000) - 1
    await turn()
    assert left[-1] == 2, "the hour is not over"
    hand.at += 1
    await turn()
    assert left[-1] == 1, "what was the newest goes once another is"
    told = generate_latest(metrics.registry).decode()
    assert 'groundswell_notify_pruned_total{what="delivery"} 1102.0' in told
