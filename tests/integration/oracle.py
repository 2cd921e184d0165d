"""
What the log of record says, read by the rule of the fence and by nothing of the programs' own code.

Rule: in log order, a verdict counts if ``after <= fence < offset``; ``recount`` must agree with this
file, and Redis with both.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from consumers.ports import Record


@dataclass
class Verdicts:
    """
    What the log settles.

    ``settled`` names the kind of verdict on each source offset (``opinion``, ``tick``, or the reason of
    a refusal), by source partition; ``kinds`` counts them (over every topic that bore the name);
    ``bundles`` counts the opinions of each bundle; ``broken_marks`` the items below a mark that had said
    that everything of their time stands above it (a producer whose clock is slow does that, too).
    """

    settled: dict[int, dict[int, str]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    bundles: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    repeats: int = 0
    holes: int = 0
    broken_marks: int = 0

    @property
    def counted(self) -> int:
        return self.kinds["opinion"]

    @property
    def refused(self) -> int:
        return self.kinds.total() - self.kinds["opinion"] - self.kinds["tick"]

    def missing(self, ends: Mapping[int, int]) -> dict[int, list[int]]:
        """Return the source offsets below ``ends`` that nothing settles, by partition."""
        return {
            partition: absent
            for partition, end in ends.items()
            if (absent := sorted(set(range(end)) - set(self.settled.get(partition, ()))))
        }


@dataclass
class _Partition:
    """Where the reading of one partition of the log stands."""

    number: int
    found: Verdicts
    fences: dict[str, int] = field(default_factory=dict)
    mark: datetime | None = None

    def add(self, said: Mapping[str, Any]) -> None:
        kind, origin = said["kind"], said["origin"]
        assert origin["partition"] == self.number, f"a verdict in a foreign partition: {said}"
        identity = origin.get("topic_id", "")
        fence = self.fences.get(identity)
        if kind == "mark":
            if fence is None or origin["offset"] <= fence:
                self.reach(datetime.fromisoformat(said["at"]))
        elif fence is not None and origin["offset"] <= fence:
            self.found.repeats += 1
        elif fence is not None and origin["after"] > fence:
            self.found.holes += 1
        else:
            self.fences[identity] = origin["offset"]
            self.accept(kind, origin, said, origin["after"] if fence is None else fence)

    def accept(
        self, kind: str, origin: Mapping[str, Any], said: Mapping[str, Any], fence: int
    ) -> None:
        if kind == "gap":
            self.found.lost += origin["offset"] - max(fence, origin["after"])
            return
        arrived = datetime.fromisoformat(said["arrived_at"])
        if kind == "tick":
            self.reach(arrived)
        elif self.mark is not None and arrived < self.mark:
            self.found.broken_marks += 1
        if kind == "opinion":
            self.found.bundles[said["bundle"]] += 1
        name = said["reason"] if kind == "refusal" else kind
        self.found.kinds[name] += 1
        self.found.settled.setdefault(self.number, {})[origin["offset"]] = name

    def reach(self, at: datetime) -> None:
        self.mark = at if self.mark is None else max(self.mark, at)


def verdicts(log: Mapping[int, Iterable[Record]]) -> Verdicts:
    """Fold the records of ``opinions``, by partition in offset order."""
    found = Verdicts()
    for number, records in log.items():
        partition = _Partition(number, found)
        for record in records:
            partition.add(json.loads(record.value or b"null"))
    return found
