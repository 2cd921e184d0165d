"""
What the gates measure on: the gold rows, what this bundle and the champion say of them, their judgement.

Rule: both are asked as consumers ask them, by the graph that a consumer on any CPU would take; a head that
the champion has with other labels is not compared.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groundswell.errors import BundleError, InputError
from groundswell.tasks import Function
from groundswell.text import normalise
from training.data import Card, DataSet
from training.evaluation.decide import Said, judge, said_of
from training.evaluation.judged import Judged
from training.evaluation.material import choose_heads, examples_of, read, train_examples
from training.evaluation.predictors import Answers, Asked, Material, Predictor
from training.evaluation.served import BundlePredictor
from training.examples import Example, Truth
from training.functions import FOLDER, load_function


@dataclass(frozen=True, slots=True)
class Beside:
    """A head on its gold rows, by this bundle and by the champion (None: it has no such head)."""

    asked: Asked
    place: int
    rows: tuple[int, ...]
    examples: tuple[Example, ...]
    truths: tuple[Truth, ...]
    said: Said
    judged: Judged
    champion: tuple[Asked, Said, Judged] | None


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that was asked; ``sha256`` names the gold rows, whatever their order of files."""

    ours: Material
    theirs: Material | None
    heads: tuple[Beside, ...]
    sha256: str
    train: tuple[str, ...] | None
    """The texts of the training rows; None if they are not known."""


def functions_of(files: Sequence[Path]) -> list[Function]:
    """Return the functions in files, and those that are shipped under other names."""
    given = [load_function(path) for path in files]
    own = {function.name for function in given}
    shipped = [load_function(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return [*given, *(function for function in shipped if function.name not in own)]


def open_bundle(directory: Path, functions: Sequence[Function], threads: int) -> BundlePredictor:
    """Open the graph of a bundle that a consumer on any CPU would take."""
    return BundlePredictor(directory, functions, precision="", threads=threads)


def set_up(
    ours: Predictor,
    champion: Predictor | None,
    *,
    gold: Sequence[str],
    cards: Sequence[Card],
    train_data: Sequence[str],
    most: int,
) -> Bench:
    """Ask both bundles about the gold rows; raises ``InputError`` and ``BundleError``."""
    notes: list[str] = []
    sets = read(gold, cards)
    heads = choose_heads(ours, sets, (), notes)
    examples = examples_of(heads, sets, ours.max_chars, notes)
    texts = [example.text for example in examples]
    mine = Material(ours, heads, examples, _asked(ours, texts), most=most)
    other = None
    if champion is not None:
        names = [asked.function.name for asked in heads]
        its = tuple(champion.heads.get(name) or heads[n] for n, name in enumerate(names))
        other = Material(champion, its, examples, _asked(champion, texts), most=most)
    train = None
    if train_data:
        known = train_examples(heads, read(train_data, cards), ours.max_chars, notes)
        train = tuple(example.text for example in known)
    return Bench(
        ours=mine,
        theirs=other,
        heads=tuple(_beside(mine, other, place) for place in range(len(heads))),
        sha256=name_of(sets),
        train=train,
    )


def name_of(sets: Sequence[DataSet]) -> str:
    """Return one SHA-256 for the files of a gold set."""
    return hashlib.sha256("".join(sorted(each.sha256 for each in sets)).encode()).hexdigest()


def live_texts(files: Sequence[str], cards: Sequence[Card], max_chars: int) -> list[str]:
    """Return the different texts of unlabelled rows; raises ``InputError`` if there are none."""
    rows = [row for each in read(files, cards) for row in each.rows]
    texts = [str(row.fields.get("text") or "") for row in rows]
    found = list(dict.fromkeys(filter(None, (normalise(text, max_chars) for text in texts))))
    if not found:
        raise InputError(f"{', '.join(files)}: no row has a `text`")
    return found


def comparable(asked: Asked, champion: Predictor) -> Asked | None:
    """Return the champion's head of the same name and labels; None if it has none."""
    theirs = champion.heads.get(asked.function.name)
    same = theirs is not None and theirs.function.outputs == asked.function.outputs
    return theirs if same else None


def _asked(predictor: Predictor, texts: Sequence[str]) -> Answers:
    answers = predictor.answer(texts)
    parts = [*answers.sentences.values(), *(part for w in answers.tokens.values() for part in w)]
    if not all(np.isfinite(part).all() for part in parts):
        raise BundleError(f"{predictor.about.name}: answers NaN or infinity to a gold row")
    return answers


def _beside(ours: Material, theirs: Material | None, place: int) -> Beside:
    asked = ours.heads[place]
    rows = tuple(n for n, e in enumerate(ours.examples) if e.truths[place] is not None)
    examples = tuple(ours.examples[n] for n in rows)
    truths = tuple(example.truths[place] for example in examples)
    said = said_of(asked, ours.answers, rows)
    champion = None
    if theirs is not None and (other := comparable(asked, theirs.predictor)) is not None:
        its = said_of(other, theirs.answers, rows)
        champion = (other, its, judge(other, its, truths))
    return Beside(
        asked=asked,
        place=place,
        rows=rows,
        examples=examples,
        truths=truths,
        said=said,
        judged=judge(asked, said, truths),
        champion=champion,
    )
