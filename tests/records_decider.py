"""
A process that decides minutes until it is killed: `python -m tests.records_decider URL HOLDER [PAUSE]`.

What is decided follows from the minute alone, so that the whole history can be computed. It begins where
the records say, prints a line once it holds the lease, and rests PAUSE seconds after each minute.
"""

import asyncio
import sys

from consumers.records.alerts import Episode, Minute, Move, State, alert_id
from consumers.records.database import open_records
from consumers.records.ports import Refused

FIRST, SERIES, LENGTH = 1000, 3, 4
STATES: tuple[State, ...] = ("normal", "firing", "recovering", "resolved")


def decided(minute: int) -> Minute:
    """In each series an alert begins every fourth minute, goes through its states, and ends."""
    step = (minute - FIRST) % LENGTH
    onset = minute - step
    episodes, moves = [], []
    for number in range(SERIES if step else 0):
        series = f"topic:{number}"
        name = alert_id("surge", series, onset)
        if step == 1:
            episodes.append(Episode(name, "surge", series, onset, "tone", "warning"))
        moves.append(Move(series, STATES[step - 1], STATES[step], str(minute), name))
    states = {f"series:{n}": b"%d" % minute for n in range(SERIES)}
    after = minute - 1 if minute > FIRST else None
    return Minute(minute, after, states, tuple(episodes), tuple(moves))


async def _decide(url: str, holder: str, pause: float) -> None:
    records = await open_records(url)
    lease = await records.acquire(holder, 1000)
    loaded = await records.load()
    minute = FIRST if loaded.minute is None else loaded.minute + 1
    print(minute, flush=True)
    while not isinstance(await records.commit_minute(lease, decided(minute)), Refused):
        minute += 1
        await asyncio.sleep(pause)
    await records.close()


if __name__ == "__main__":
    asyncio.run(_decide(sys.argv[1], sys.argv[2], float(sys.argv[3]) if sys.argv[3:] else 0))
