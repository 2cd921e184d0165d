"""What side by side and over the years: the twin, SQLite and PostgreSQL."""

import asyncio

import sqlalchemy as sa

from consumers.records.alerts import Minute
from consumers.records.folding import BARE_KEPT_DAYS
from consumers.records.memory import MemoryRecords
from consumers.records.ports import Committed
from tests.records_world import ID, M0, SERIES, database_of, episode, fired, move

DAY = 1440


def minutes_kept(records):
    """The minutes of all lines of history, whether or not of an alert."""
    if isinstance(records, MemoryRecords):
        return [line.minute for line in records._history.values()]
    with database_of(records).connect() as connection:
        return list(connection.scalars(sa.text("SELECT minute FROM history ORDER BY number")))


async def test_lines_of_no_alert_go_after_their_time(records, lease):
    pending = move("normal", "pending", alert="", tell=False)
    told = move("learning", "normal", alert="", series="topic:b")
    await records.commit_minute(lease, Minute(M0, None, moves=(pending, told)))
    await records.commit_minute(lease, fired(M0 + 1, M0))
    await records.commit_minute(lease, Minute(M0 + 5, M0 + 1, moves=(pending,)))

    edge = M0 + 1 + BARE_KEPT_DAYS * DAY
    await records.commit_minute(lease, Minute(edge, M0 + 5, moves=(pending,)))
    assert minutes_kept(records) == [M0, M0 + 1, M0 + 5, edge]
    late = edge + DAY
    await records.commit_minute(lease, Minute(late, edge))
    assert minutes_kept(records) == [M0, M0 + 1, edge]

    assert [row.transition.minute for row in await records.unsent()] == [M0, M0 + 1]
    assert len(await records.history(ID)) == 1


async def test_within_a_day_nothing_is_looked_through(records, lease):
    pending = move("normal", "pending", alert="", tell=False)
    midnight = M0 // DAY * DAY
    await records.commit_minute(
        lease, Minute(midnight - BARE_KEPT_DAYS * DAY, None, moves=(pending,))
    )
    await records.commit_minute(lease, Minute(midnight, midnight - BARE_KEPT_DAYS * DAY))
    await records.commit_minute(lease, Minute(midnight + DAY - 1, midnight))
    assert len(minutes_kept(records)) == 1
    await records.commit_minute(lease, Minute(midnight + DAY, midnight + DAY - 1))
    assert minutes_kept(records) == []


async def test_people_and_the_detector_at_once_lose_no_line(records, place, lease):
    await records.commit_minute(lease, fired())

    async def decide():
        for step in range(1, 11):
            minute = Minute(
                M0 + step,
                M0 + step - 1,
                episodes=(episode(peak=float(step)),),
                moves=(move("firing", "firing", severity="warning"),),
            )
            assert isinstance(await records.commit_minute(lease, minute), Committed)

    async with place.open() as other:
        people = (
            desk.act(ID, "acknowledge", f"p{n}", "") for n in range(10) for desk in (records, other)
        )
        judges = (other.judge(ID, "hit", str(n), "ann") for n in range(5))
        await asyncio.gather(decide(), *people, *judges)

    lines = await records.history(ID)
    alert = await records.alert(ID)
    assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
    assert sorted(line.number for line in lines) == [line.number for line in lines]
    assert alert.sequence == len(lines)
    assert alert.peak == 10.0
    assert {line.actor for line in lines} == {"watch", *(f"p{n}" for n in range(10))}
    assert sum(line.action == "move" for line in lines) == 11
    assert alert.acknowledged.actor == [li.actor for li in lines if li.action != "move"][-1]
    assert len(await records.unsent()) == len(lines)
    assert {v.reason for v in await records.verdicts(ID)} == set("01234")
    assert alert.series == SERIES
