"""What a model says of the test parts, and how good that is; the baseline on the same parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from groundswell.models.spans import stretches
from tests.bench.models.sources import PUBLIC, part
from training.data import label_rows, read_sets
from training.evaluation.entities import by_token
from training.evaluation.predictors import Logits, Predictor
from training.evaluation.scores import score
from training.examples import Example, Span, Spans
from training.functions import find_function, task_of

Figures: TypeAlias = dict[str, float]
AGREEMENTS: Final = (50, 66, 75, 100)
MOST_AGREE: Final = 66
"""Per cent of a sentence's annotators."""
PRIMARY: Final = {"sentiment": "macro_f1", "topic": "accuracy", "entities": "entity_f1"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a head said of a set: logits [texts, labels], or of a token head [words, tags] a text."""

    name: str
    head: str
    outputs: tuple[str, ...]
    examples: Sequence[Example]
    logits: Any
    words: Sequence[Sequence[tuple[int, int]]]


def ask(predictor: Predictor, name: str, files: Sequence[Path]) -> Said:
    """Ask the head that set ``name`` is for."""
    head = PUBLIC[name].head
    function = predictor.heads[head].function
    examples = label_rows(read_sets(files), [task_of(function)], predictor.max_chars).examples
    answers = predictor.answer([example.text for example in examples])
    logits = answers.tokens[head] if head in answers.tokens else answers.sentences[head]
    return Said(name, head, function.outputs, examples, logits, answers.words)


def ask_tests(predictor: Predictor, work: Path) -> list[Said]:
    """Ask about the test part of each set whose head the model has."""
    return [
        ask(predictor, name, [part(work, name, "test")])
        for name, public in PUBLIC.items()
        if public.head in predictor.heads
    ]


def figures(said: Said) -> Figures:
    """Return the figures of one set, each named ``SET FIGURE``."""
    found = _of_tokens(said) if said.head == "entities" else _of_texts(said)
    return {f"{said.name} {name}": value for name, value in found.items()}


def _of_texts(said: Said) -> Figures:
    truth, given = _truth(said.examples), said.logits.argmax(axis=1)
    labels = len(said.outputs)
    whole = score(truth, given, labels)
    found = {"rows": float(whole.rows), "accuracy": whole.accuracy, "macro_f1": whole.macro_f1}
    agreed = np.array([int(e.fields.get("agreement", 0)) for e in said.examples])
    if not agreed.any():
        return found
    most = score(truth[agreed >= MOST_AGREE], given[agreed >= MOST_AGREE], labels)
    found |= {"≥66 % accuracy": most.accuracy, "≥66 % macro_f1": most.macro_f1}
    for share in AGREEMENTS:
        one = score(truth[agreed == share], given[agreed == share], labels)
        if one.rows:
            found[f"{share} % accuracy"] = one.accuracy
            found[f"{share} % macro_f1"] = one.macro_f1
    return found


def _of_tokens(said: Said) -> Figures:
    truth = [e.truths[0] for e in said.examples if isinstance(e.truths[0], Spans)]
    given = [
        spans_of(said.outputs, words, logits)
        for words, logits in zip(said.words, said.logits, strict=True)
    ]
    judged = by_token(said.examples, truth, given, said.words, said.outputs)
    found = {
        "rows": float(len(truth)),
        "entity_f1": judged.entities.f1,
        "token micro_f1 with O": judged.tokens.micro_f1,
    }
    known = frozenset().union(*(one.known for one in truth))
    for tag, tally in judged.tokens.per_tag.items():
        if tag.startswith("B-") and tag[2:] in known:
            found[f"{tag} f1"] = tally.f1
    for label, tally in judged.entities.per_label.items():
        if label in known:
            found[f"{label} entity_f1"] = tally.f1
    return found


def spans_of(
    outputs: Sequence[str], words: Sequence[tuple[int, int]], logits: Logits
) -> tuple[Span, ...]:
    """Return the stretches of a text; ``logits`` is [words, outputs]."""
    tags = [outputs[place] for place in logits.argmax(axis=1)]
    return tuple(
        Span(words[first][0], words[stop - 1][1], label) for first, stop, label in stretches(tags)
    )


def agreement(ours: Sequence[Said], theirs: Sequence[Said]) -> Figures:
    """
    Compare two graphs: of each head the share of equal labels (of words, for tokens) over all test parts.

    Also what ``ours`` costs on each set, in points of its primary figure.
    """
    same: dict[str, list[np.ndarray[Any, Any]]] = {}
    found: Figures = {}
    for one, other in zip(ours, theirs, strict=True):
        pairs = zip(one.logits, other.logits, strict=True)
        equal = (
            [a.argmax(axis=1) == b.argmax(axis=1) for a, b in pairs]
            if one.head == "entities"
            else [one.logits.argmax(axis=1) == other.logits.argmax(axis=1)]
        )
        same.setdefault(one.head, []).extend(equal)
        found[f"{one.name} agreement"] = float(np.concatenate(equal).mean())
        key = f"{one.name} {PRIMARY[one.head]}"
        found[f"{one.name} cost in points"] = 100 * (figures(other)[key] - figures(one)[key])
    heads = {
        f"{head} agreement": float(np.concatenate(parts).mean()) for head, parts in same.items()
    }
    return heads | found


def tfidf(head: str, train: Sequence[Path], tests: Mapping[str, Sequence[Path]]) -> Figures:
    """Train the baseline on ``train`` and return ``SET accuracy`` and ``SET macro_f1`` of each test."""
    from training.baseline import answers
    from training.data import label_values
    from training.functions import derive

    known_sets = read_sets(train)
    task = (
        derive("topic", label_values(known_sets)["topic"])
        if head == "topic"
        else task_of(find_function(head))
    )
    known = label_rows(known_sets, [task]).examples
    asked = {name: label_rows(read_sets(files), [task]).examples for name, files in tests.items()}
    texts = [example.text for examples in asked.values() for example in examples]
    labels = len(task.function.outputs)
    said = answers([e.text for e in known], [e.truths[0] for e in known], texts, labels)
    if said is None:
        return {}
    given, found, at = said.argmax(axis=1), {}, 0
    for name, examples in asked.items():
        result = score(_truth(examples), given[at : at + len(examples)], labels)
        found[f"{name} accuracy"], found[f"{name} macro_f1"] = result.accuracy, result.macro_f1
        at += len(examples)
    return found


def _truth(examples: Sequence[Example]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([e.truths[0] for e in examples], dtype=np.int64)
