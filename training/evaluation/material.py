"""
What an evaluation is of: the heads that the data has labels for, the rows, what the model was trained on.

Rule: a head that was asked for and cannot be judged is an error that says why; one that was not asked for
is left out, and the report says so.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from groundswell.errors import InputError
from groundswell.models.bundle import sha256_of
from training.data import Card, DataSet, label_rows, label_values, read_sets
from training.evaluation.predictors import About, Asked, Predictor
from training.examples import Example
from training.functions import Task

ENTITY = "entity"


def choose_heads(
    predictor: Predictor, sets: Sequence[DataSet], wanted: Sequence[str], notes: list[str]
) -> tuple[Asked, ...]:
    """
    Return the heads to judge, in order of their names; ``wanted`` empty: all that the data speaks of.

    Raises ``InputError`` when none is left, or one of ``wanted`` is unknown or not in the data.
    """
    model = predictor.about.name
    unknown = sorted(set(wanted) - set(predictor.heads))
    if unknown:
        raise InputError(
            f"{model} has no head {', '.join(unknown)}; it has {', '.join(sorted(predictor.heads))}"
        )
    values = label_values(sets)
    reasons = {}
    found = []
    for name in sorted(wanted or predictor.heads):
        asked = predictor.heads[name]
        reason = _unfit(asked, values, sets)
        if reason:
            reasons[name] = reason
        else:
            found.append(asked)
    if reasons and (wanted or not found):
        raise InputError(
            "\n".join(f"{name}: {reason}" for name, reason in reasons.items())
            + f"\nthe data must hold labels of a head of {model}; a card can rename fields and labels"
        )
    notes += [f"{name}: {reason}" for name, reason in reasons.items()]
    return tuple(found)


def _unfit(asked: Asked, values: Mapping[str, set[str]], sets: Sequence[DataSet]) -> str:
    """Say why the data cannot judge a head; "" if it can."""
    function = asked.function
    if ENTITY in function.input.fields:
        if not any(ENTITY in row.fields or _named(row.fields) for s in sets for row in s.rows):
            return "no row names an entity, which this head reads"
        if not values.get(function.field):
            return ""
    seen = values.get(function.field, set())
    known = set(_index(asked, values))
    if not seen and function.output != "tokens":
        return f"no row has a label in field {function.field!r}"
    if not seen and not any(function.field in row.fields for s in sets for row in s.rows):
        return f"no row has stretches in field {function.field!r} (or `tags`)"
    if seen and seen.isdisjoint(known):
        shown = ", ".join(sorted(seen)[:8])
        return (
            f"the data's labels in field {function.field!r} ({shown}) are of another set; "
            f"this head knows {', '.join(function.label_names)}"
        )
    return ""


def _named(fields: Mapping[str, object]) -> bool:
    return isinstance(fields.get("entities"), Mapping)


def _index(asked: Asked, values: Mapping[str, set[str]]) -> dict[str, int]:
    """Return the place of each label as the data may write it: by its name, or as it was derived from."""
    labels = asked.function.labels
    seen = values.get(asked.function.field, set())
    written = {
        label.description: place
        for place, label in enumerate(labels)
        if isinstance(label.description, str) and label.description in seen
    }
    return written | {label.name: place for place, label in enumerate(labels)}


def examples_of(
    heads: Sequence[Asked], sets: Sequence[DataSet], max_chars: int, notes: list[str]
) -> tuple[Example, ...]:
    """Return the rows with a truth for any of the heads; raises ``InputError``."""
    values = label_values(sets)
    tasks = [Task(asked.function, _index(asked, values)) for asked in heads]
    found = label_rows(sets, tasks, max_chars)
    notes += found.notes
    rows = sum(len(each.rows) for each in sets)
    judged = len({example.origin for example in found.examples})
    if rows > judged:
        notes.append(f"{rows - judged:,} of {rows:,} rows have no label of these heads, or no text")
    return found.examples


def train_examples(
    heads: Sequence[Asked], sets: Sequence[DataSet], max_chars: int, notes: list[str]
) -> tuple[Example, ...]:
    """Return what the model was trained on, with truths in the order of ``heads``."""
    values = label_values(sets)
    kept = [asked for asked in heads if not _unfit(asked, values, sets)]
    absent = [asked.function.name for asked in heads if asked not in kept]
    notes += [f"{name}: the training files hold no labels of it" for name in absent]
    if not kept:
        return ()
    tasks = [Task(asked.function, _index(asked, values)) for asked in kept]
    place = {asked.function.name: n for n, asked in enumerate(kept)}
    return tuple(
        Example(
            id=example.id,
            text=example.text,
            truths=tuple(
                example.truths[place[name]] if (name := asked.function.name) in place else None
                for asked in heads
            ),
            source=example.source,
        )
        for example in label_rows(sets, tasks, max_chars).examples
    )


def recorded_files(about: About) -> list[str]:
    """Return the files of the command that made a model which still hold what it was trained on."""
    hashes = set(about.data.values())
    found = []
    for part in shlex.split(about.command):
        path = Path(part.partition(":")[0] if not Path(part).exists() else part)
        if path.is_file() and sha256_of(path) in hashes:
            found.append(part)
    return list(dict.fromkeys(found))


def read(paths: Iterable[str | Path], cards: Sequence[Card]) -> tuple[DataSet, ...]:
    """Read data files with the cards that are for them; raises ``InputError``."""
    names = [str(path) for path in paths]
    mine = [card for card in cards if any(_is_for(card, name) for name in names)]
    return read_sets(names, mine)


def _is_for(card: Card, name: str) -> bool:
    path = Path(name)
    bare = Path(name.partition(":")[0]) if not path.exists() else path
    return card.target in {name, str(bare), bare.name, bare.stem}
