"""
From data sets to what a run trains on, in one call: examples, split, doubts, snapshot, notes.

Rule: pure but for the time that it takes; ``write`` puts the review file and the snapshot into the run's
directory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.classes import check_classes
from training.data.duplicates import mask_truths, merge_duplicates
from training.data.labels import MAX_CHARS, label_rows
from training.data.review import Doubt, conflicting, find_conflicts, find_suspects, write_review
from training.data.rows import DataSet
from training.data.snapshot import Snapshot, split_as, take_snapshot, write_snapshot
from training.data.split import By, Split, cluster_examples, split_examples
from training.functions import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """
    How to prepare: shares of dev and test, seed, ``by`` cluster or time.

    ``doubt`` asks for the search for suspect labels as well as for conflicts, which fits linear models.
    ``drop_conflicts`` masks labels that contradict those of a copy; without it they stay in training.
    """

    dev: float = 0.1
    test: float = 0.1
    seed: int = 1
    by: By = "cluster"
    max_chars: int = MAX_CHARS
    doubt: bool = True
    drop_conflicts: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """The parts, the labels in doubt, the snapshot that repeats the split, and notes for the report."""

    split: Split
    doubts: tuple[Doubt, ...]
    snapshot: Snapshot
    notes: tuple[str, ...]


def prepare(
    sets: Sequence[DataSet], tasks: Sequence[Task], wish: Wish, snapshot: Snapshot | None = None
) -> Prepared:
    """
    Label, merge copies, look for doubts, split (as ``snapshot`` did, if one is given), check the classes.

    Raises ``InputError``.
    """
    labelled = label_rows(sets, tasks, wish.max_chars)
    notes = list(labelled.notes)
    examples = merge_duplicates(labelled.examples)
    if merged := len(labelled.examples) - len(examples):
        notes.append(f"{merged} exact copies were merged")
    clusters = cluster_examples(examples)
    doubts = find_conflicts(examples, clusters, tasks)
    notes += [f"{len(doubts)} labels contradict those of a copy or near-copy"] * bool(doubts)
    if wish.doubt:
        suspect = find_suspects(examples, clusters, tasks, seed=wish.seed)
        notes += [f"{len(suspect)} labels are suspect"] * bool(suspect)
        doubts += suspect
    if wish.drop_conflicts:
        cluster_of = {e.text: cluster for e, cluster in zip(examples, clusters, strict=True)}
        examples = mask_truths(examples, conflicting(doubts, tasks))
        clusters = [cluster_of[example.text] for example in examples]
    if snapshot is not None:
        split = split_as(snapshot, examples, labelled.examples)
    else:
        split = split_examples(
            examples,
            dev=wish.dev,
            test=wish.test,
            seed=wish.seed,
            by=wish.by,
            clusters=clusters,
        )
        snapshot = take_snapshot(
            sets,
            labelled.examples,
            split,
            seed=wish.seed,
            dev=wish.dev,
            test=wish.test,
            by=wish.by,
        )
    notes += check_classes(split.train, tasks)
    return Prepared(split, tuple(doubts), snapshot, tuple(notes))


def write(prepared: Prepared, directory: Path) -> None:
    """Write ``review.jsonl`` and ``snapshot.json`` into an existing directory."""
    write_review(directory, prepared.doubts)
    write_snapshot(directory, prepared.snapshot)
