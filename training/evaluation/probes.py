"""
Probes: the model asked again about changed texts, for its behaviour and for its explanations.

Rule: no more than ``most`` texts a test, chosen by the hash of what they say, so that the choice neither
follows the order of the data nor changes from run to run.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from groundswell.tasks import Direction, Invariance
from training.evaluation.behaviour import (
    Behaviour,
    Change,
    as_read,
    directed,
    needs_names,
    outcome,
    varied,
)
from training.evaluation.calibration import softmax
from training.evaluation.decide import Said, said_of, spans_of
from training.evaluation.faithfulness import LEAST_WORDS, Faithfulness, deletions, faithfulness
from training.evaluation.judged import Floats
from training.evaluation.names import COMPANY_LABELS, PERSON_LABELS
from training.evaluation.predictors import Asked, Material
from training.examples import Example, Span, Spans

NAMES = ("company_names", "person_names")


def behaviour(
    material: Material, place: int, rows: Sequence[int], said: Said, notes: list[str]
) -> tuple[Behaviour, ...]:
    """Run the behavioural tests of a head's function on its labelled rows."""
    asked = material.heads[place]
    function = asked.function
    texts = [material.examples[n].text for n in rows]
    names = _names(material, rows) if needs_names(function) else None
    tests: list[tuple[Direction | Invariance, list[Change]]] = [
        (test, directed(test, texts, said.named)) for test in function.directions
    ]
    for kind in function.invariance:
        if kind in NAMES and names is None:
            notes.append(f"{kind}: not run, neither the rows nor the model tell the names")
        else:
            tests.append((kind, varied(kind, texts, names)))
    found = []
    for test, changes in tests:
        name = test.name if isinstance(test, Direction) else test
        if not changes:
            notes.append(f"{name}: no text to change")
            continue
        chosen = _sample(changes, material.most)
        read = as_read(chosen, material.predictor.max_chars)
        # What reads the same is not asked again: a quantised graph answers a little otherwise in another
        # batch, and that is not what the test is about.
        differ = [n for n, c in enumerate(chosen) if read[n] != texts[c.place]]
        after = [said.named[change.place] for change in chosen]
        if differ:
            answers = material.predictor.answer([read[n] for n in differ])
            for n, label in zip(
                differ, said_of(asked, answers, range(len(differ))).named, strict=True
            ):
                after[n] = label
        found.append(outcome(test, chosen, read, texts, said.named, after))
    if not function.directions and not function.invariance:
        notes.append("no behavioural tests: its function declares none")
    return tuple(found)


def _sample(changes: Sequence[Change], most: int) -> list[Change]:
    return sorted(changes, key=lambda change: zlib.crc32(change.text.encode()))[:most]


def _names(material: Material, rows: Sequence[int]) -> list[tuple[Span, ...]] | None:
    """Return the names in each row: as they were marked, else as the model finds them."""
    wanted = COMPANY_LABELS | PERSON_LABELS
    own = next(
        (
            head.function
            for head in material.predictor.heads.values()
            if head.function.output == "tokens" and wanted.intersection(head.function.label_names)
        ),
        None,
    )
    found = []
    known = own is not None
    for n in rows:
        marked = _marked(material.examples[n])
        known |= marked is not None
        if marked is None and own is not None:
            logits = material.answers.tokens[own.name][n]
            marked = spans_of(own.outputs, logits, material.answers.words[n])
        found.append(marked or ())
    return found if known else None


def _marked(example: Example) -> tuple[Span, ...] | None:
    truth = next((truth for truth in example.truths if isinstance(truth, Spans)), None)
    return None if truth is None else truth.spans


def explanations(
    material: Material, asked: Asked, rows: Sequence[int], said: Said, notes: list[str]
) -> Faithfulness | None:
    """Compare deleting the words that are said to matter with deleting others."""
    predictor = material.predictor
    if predictor.explains != asked.function.name or said.places is None:
        notes.append("faithfulness: the model explains no answer of this head")
        return None
    texts = {n: material.examples[n].text for n in rows}
    order = sorted(range(len(rows)), key=lambda at: zlib.crc32(texts[rows[at]].encode()))
    chosen = order[: material.most]
    asked_texts = [texts[rows[at]] for at in chosen]
    labels = said.places[chosen]
    answers = predictor.answer(asked_texts, explain=True)
    weights = [part[:, label] for part, label in zip(answers.contributions, labels, strict=True)]
    found = deletions(asked_texts, answers.words, weights)
    if not found:
        notes.append(f"faithfulness: no text has {LEAST_WORDS} words")
        return None
    kept = [deleted.place for deleted in found]
    draws = len(found[0].random)
    flat = [deleted.random[n] for deleted in found for n in range(draws)]
    probabilities = _probabilities(material, asked, [*(d.top for d in found), *flat])
    before = _softmax(asked, answers.sentences[asked.function.name])
    given = labels[kept]
    at = np.arange(len(kept))
    random = probabilities[len(kept) :].reshape(len(kept), draws, -1)
    return faithfulness(
        before[kept, given],
        probabilities[: len(kept)][at, given],
        random[at[:, None], np.arange(draws)[None], given[:, None]],
    )


def _probabilities(material: Material, asked: Asked, texts: Sequence[str]) -> Floats:
    answers = material.predictor.answer(texts)
    return _softmax(asked, answers.sentences[asked.function.name])


def _softmax(asked: Asked, logits: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> Floats:
    return softmax(logits, asked.temperature)
