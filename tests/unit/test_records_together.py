"""Small writes done together: who asks gets an answer of their own."""

import asyncio

import pytest

from consumers.records.notices.together import MOST, Together
from groundswell.errors import Bug, Transient


class Doing:
    """Doubles numbers; fails for a batch that holds ``bad``."""

    def __init__(self, bad=None):
        self.bad, self.batches = bad or {}, []

    async def __call__(self, numbers):
        self.batches.append(tuple(numbers))
        await asyncio.sleep(0)
        for number in numbers:
            if number in self.bad:
                raise self.bad[number]
        return [number * 2 for number in numbers]


async def test_what_is_asked_meanwhile_is_done_together_and_in_order():
    doing = Doing()
    together = Together(doing)

    first = asyncio.create_task(together(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = await asyncio.gather(*(together(n) for n in range(1, MOST + 3)))

    assert (await first, rest) == (0, [2 * n for n in range(1, MOST + 3)])
    assert [len(batch) for batch in doing.batches] == [1, MOST, 2]
    assert await together(7) == 14


async def test_a_fault_of_one_is_not_that_of_the_others():
    together = Together(Doing({2: Bug("two")}))

    answers = await asyncio.gather(*(together(n) for n in range(4)), return_exceptions=True)

    assert [str(a) for a in answers] == ["0", "2", "two", "6"]


async def test_what_is_away_is_away_for_all_and_asked_once():
    doing = Doing({1: Transient("away")})
    together = Together(doing)

    answers = await asyncio.gather(*(together(n) for n in range(3)), return_exceptions=True)

    assert {type(a) for a in answers} == {Transient}
    assert doing.batches == [(0, 1, 2)]


async def test_who_no_longer_waits_is_no_harm():
    together = Together(Doing())
    gone, stays = asyncio.create_task(together(1)), asyncio.create_task(together(2))
    await asyncio.sleep(0)
    gone.cancel()

    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
