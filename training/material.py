"""What a run works with: its data sets and tasks, and the rows prepared for it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from groundswell.errors import InputError
from training.data import (
    DataSet,
    Split,
    check_licences,
    label_values,
    read_card,
    read_sets,
    row_with,
)
from training.data.prepare import Prepared, Wish, prepare, write
from training.data.snapshot import read_snapshot
from training.functions import Task, choose_tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """
    Where the rows come from and how they are dealt.

    ``functions`` see ``choose_tasks``; ``cards`` are files; ``allowed`` adds licences to those that are
    allowed without asking; ``snapshot`` repeats the split of an earlier run.
    """

    data: tuple[str, ...]
    functions: tuple[str, ...] = ()
    cards: tuple[Path, ...] = ()
    allowed: tuple[str, ...] = ()
    snapshot: Path | None = None
    wish: Wish = field(default_factory=Wish)


@dataclass(frozen=True, slots=True)
class Material:
    """The sets, the tasks in the order of the heads, and the rows; none where there are no data."""

    sets: tuple[DataSet, ...]
    tasks: tuple[Task, ...]
    prepared: Prepared | None = None

    @property
    def split(self) -> Split:
        """The three parts."""
        return self.prepared.split if self.prepared else Split((), (), ())

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the report should know."""
        return self.prepared.notes if self.prepared else ()

    def doubts(self) -> dict[str, int]:
        """Return how many labels stand in the review file, by reason."""
        found = self.prepared.doubts if self.prepared else ()
        return dict(Counter(doubt.reason for doubt in found))

    def write(self, directory: Path) -> None:
        """Write the review file and the snapshot into a directory."""
        if self.prepared:
            write(self.prepared, directory)


def gather(sources: Sources) -> Material:
    """
    Read, label, clean and split the rows.

    Without data the functions must be named: their own examples are all there is. Raises ``InputError``.
    """
    if not sources.data:
        if not sources.functions:
            raise InputError("give --data, or a --function whose own examples are enough")
        if sources.snapshot:
            raise InputError(
                f"--snapshot {sources.snapshot}: it repeats the split of rows, and no rows are given; name "
                "the --data that it was taken of, or leave it out"
            )
        return Material((), _one_template(choose_tasks(sources.functions, {})))
    sets = read_sets(sources.data, [read_card(path) for path in sources.cards])
    check_licences([(item.origin, item.card.licence) for item in sets], sources.allowed)
    where = partial(row_with, sets)
    tasks = _one_template(choose_tasks(sources.functions, label_values(sets), where))
    snapshot = read_snapshot(sources.snapshot) if sources.snapshot else None
    return Material(sets, tasks, prepare(sets, tasks, sources.wish, snapshot))


def _one_template(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Refuse heads that read rows differently: one forward pass has one text."""
    ways = {(task.function.input.template, task.function.input.truncation) for task in tasks}
    if len(ways) > 1:
        names = ", ".join(f"{task.name} reads {task.function.input.template!r}" for task in tasks)
        raise InputError(
            f"one model reads a row in one way, and these functions differ: {names}; "
            "train them one by one with --function"
        )
    return tuple(tasks)
