"""Old rows and new ones as the material of a run: what is learnt, what is learnt again, what is held out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from groundswell.errors import InputError
from training.data import label_rows, merge_duplicates, read_sets
from training.data.prepare import Prepared, Wish
from training.data.snapshot import take_snapshot
from training.data.split import Split, cluster_examples
from training.examples import Example
from training.functions import Task
from training.material import Material, Sources, gather
from training.refresh.core.reasons import Kind
from training.refresh.core.rows import parts_of, sample, stratum
from training.refresh.labels import SET

LEAST_REPLAY = 512
"""Old rows that are learnt again, at least, if there are so many."""
MOST_DEV = 1000
"""Old dev rows that are looked at to choose the best step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How many old rows for each new one (``replay``), but not fewer than ``least``; the seed draws them."""

    kind: Kind
    replay: float = 4.0
    least: int = LEAST_REPLAY
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Combined:
    """The material, and the old split that stays as it was."""

    material: Material
    old: Material

    @property
    def new_rows(self) -> int:
        """How many new rows are trained on."""
        return sum(is_new(example) for example in self.material.split.train)


def is_new(example: Example) -> bool:
    """Whether a row comes from feedback."""
    return example.source == SET


def old_material(sources: Sources, snapshot: Path | None) -> Material:
    """Read the old rows, split as they were; without a snapshot anew. Raises ``InputError``."""
    quick = replace(sources.wish, doubt=False)
    material = gather(replace(sources, snapshot=snapshot, wish=quick))
    if any(item.name == SET for item in material.sets):
        raise InputError(f"{SET}: is the name of the feedback's own rows; rename that data set")
    return material


def combine(old: Material, labels: Path, mix: Mix) -> Combined:
    """
    Add the rows of the file ``labels``.

    A text that an old row was trained on gets its new label, one that an old row holds out stays there as
    it is. Raises ``InputError``.
    """
    sets = (*old.sets, *read_sets([labels]))
    labelled = label_rows(sets, old.tasks)
    new = _fresh(merge_duplicates([e for e in labelled.examples if is_new(e)]), old.split)
    told = {example.text for example in new}
    before = [e for e in old.split.train if e.text not in told]
    parts = _parts(old.split, before, new)
    ours = {name: [e for e, part in zip(new, parts, strict=True) if part == name] for name in parts}
    train, dev, test = (ours.get(name, []) for name in ("train", "dev", "test"))
    replayed, watched = before, list(old.split.dev)
    if mix.kind == "warm":
        count = max(mix.least, round(mix.replay * len(train)))
        replayed = sample(before, [stratum(e) for e in before], count, mix.seed)
        watched = sample(watched, [stratum(e) for e in watched], MOST_DEV, mix.seed)
    split = Split(train=(*replayed, *train), dev=(*watched, *dev), test=(*old.split.test, *test))
    notes = (
        f"{len(new)} rows of feedback: {len(train)} to train on, {len(dev)} dev, {len(test)} held out",
        f"{len(replayed)} of {len(before)} old rows are learnt again",
    )
    wish = Wish()
    snapshot = take_snapshot(
        sets, labelled.examples, split, seed=mix.seed, dev=wish.dev, test=wish.test
    )
    material = Material(sets, old.tasks, Prepared(split, (), snapshot, notes))
    return Combined(material, old)


def _fresh(new: Sequence[Example], old: Split) -> list[Example]:
    held_out = {example.text for example in (*old.dev, *old.test)}
    return [example for example in new if example.text not in held_out]


def _parts(old: Split, train: Sequence[Example], new: Sequence[Example]) -> list[str]:
    known = [(e, "train") for e in train] + [(e, "dev") for e in old.dev]
    known += [(e, "test") for e in old.test]
    clusters = cluster_examples([*(e for e, _ in known), *new])
    # A cluster that stands on two sides already counts as held out.
    rank = {"train": 0, "dev": 1, "test": 2}
    of_old: dict[int, str] = {}
    for (_, part), cluster in zip(known, clusters, strict=False):
        if rank[part] >= rank[of_old.get(cluster, "train")]:
            of_old[cluster] = part
    named = [(e.id, cluster) for e, cluster in zip(new, clusters[len(known) :], strict=True)]
    return parts_of(named, of_old)


def known_labels(tasks: Sequence[Task]) -> dict[str, tuple[str, ...]]:
    """Return the labels of each field that feedback can speak of: those of whole texts."""
    return {
        task.function.field: task.function.label_names
        for task in tasks
        if task.function.output != "tokens"
    }
