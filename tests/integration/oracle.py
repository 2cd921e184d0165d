"""
What the log of record says, read by the rule of the fence and by nothing of the programs' own code.

Rule: in log order, a verdict counts if ``after <= fence < offset``; ``recount`` must agree with this
file, and Redis with both.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from consumers.ports import Record


@dataclass
class Verdicts:
    """
    What the log settles.

    ``settled`` names the kind of verdict on each source offset (``opinion``, ``tick``, or the reason of
    a refusal), by source partition; ``kinds`` counts them (over every topic that bore the name);
    ``bundles`` counts the opinions of each bundle.
    """

    settled: dict[int, dict[int, str]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    bundles: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    repeats: int = 0
    holes: int = 0

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


def verdicts(log: Mapping[int, Iterable[Record]]) -> Verdicts:
    """Fold the records of ``opinions``, by partition in offset order."""
    found = Verdicts()
    fences: dict[tuple[str, int], int] = {}
    for records in log.values():
        for record in records:
            _add(found, fences, json.loads(record.value or b"null"))
    return found


def _add(found: Verdicts, fences: dict[tuple[str, int], int], said: dict[str, object]) -> None:
    origin = said["origin"]
    assert isinstance(origin, dict)
    kind = str(said["kind"])
    if kind == "mark":
        return
    key = (origin.get("topic_id", ""), origin["partition"])
    fence = fences.get(key)
    if fence is not None and origin["offset"] <= fence:
        found.repeats += 1
        return
    if fence is not None and origin["after"] > fence:
        found.holes += 1
        return
    fences[key] = origin["offset"]
    if kind == "gap":
        found.lost += origin["offset"] - (
            origin["after"] if fence is None else max(fence, origin["after"])
        )
        return
    if kind == "opinion":
        found.bundles[str(said["bundle"])] += 1
    name = str(said["reason"]) if kind == "refusal" else kind
    found.kinds[name] += 1
    found.settled.setdefault(origin["partition"], {})[origin["offset"]] = name
