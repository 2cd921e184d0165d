"""The in-memory twin of the Kafka writer; takes the faults that a test has ordered, in turn."""

import asyncio
from collections.abc import Sequence

from consumers.adapters.cutting import cut_to
from consumers.adapters.memory_log import MemoryLog
from groundswell.errors import CannotContinue, Transient


class MemoryWriter:
    """The ``LogWriter`` port over a ``MemoryLog``; takes the log's faults in turn."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._turn = 0

    async def start(self) -> None:
        self._log.check()

    async def write(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        self._log.check()
        await asyncio.sleep(0)
        rows = self._log.topic(topic).partitions
        if partition >= len(rows):
            raise CannotContinue(
                f"topic {topic} has no partition {partition}; it needs as many as its source"
            )
        fault = self._log.faults.popleft() if self._log.faults else None
        landing = {None: len(values), "after": len(values), "half": len(values) // 2}
        self._log.append(topic, partition, values[: landing.get(fault, 0)])
        if fault == "late":
            self._log.hold_back(topic, partition, values)
        if fault is not None:
            raise Transient(f"a write to {topic} failed ({fault}), as a test wanted")

    async def copy(
        self, topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        self._log.check()
        await asyncio.sleep(0)
        found = self._log.topic(topic)
        cut = cut_to(found.message_bytes, value, headers)
        self._turn += 1
        partition = self._turn % len(found.partitions)
        self._log.append(topic, partition, [cut.value], headers=cut.headers)

    async def stop(self) -> None:
        """Nothing is held."""
