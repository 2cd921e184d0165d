"""Functions of every kind, rows for them, and a fresh model of two layers on the random encoder."""

import numpy as np
import torch
from rich.console import Console

from groundswell.tasks import Function, Label
from training.encode import load_tokenizer, tokenise
from training.encoder import locate
from training.evaluate import predict
from training.examples import Span, Spans
from training.hardware import Hardware
from training.losses import Encoded
from training.recipe import Recipe
from training.strategies.rungs import begin

CPU = Hardware("cpu", 1, "fp32")
QUIET = Console(quiet=True)
TONES = ("negative", "neutral", "positive")
WORDS = {"profit": "UP", "record": "UP", "loss": "DOWN", "fraud": "DOWN"}


def function(name, *labels, output="single", **more):
    return Function(
        name=name,
        version=1,
        description=name,
        field=name,
        output=output,
        primary="entity_f1" if output == "tokens" else "macro_f1",
        labels=tuple(Label(name=label, description=label) for label in labels),
        **more,
    )


NAMES = function("names", "DOWN", "UP", output="tokens")
SENTIMENT = function("sentiment", *TONES)
SUBJECTS = function("subjects", "money", "board", "office", output="several")
TOPIC = function("topic", "earnings", "people")
EVERY = (NAMES, SENTIMENT, SUBJECTS, TOPIC)
"""In the order of their names, as heads stand."""


def recipe(**changes):
    settled = {
        "epochs": 2,
        "learning_rate": 3e-3,
        "head_factor": 2.0,
        "batch": 16,
        "freeze": "none",
        "patience": 99,
        "max_tokens": 32,
    }
    return Recipe(**{**settled, **changes})


def fresh(encoder_dir, functions=EVERY, how=None):
    torch.set_num_threads(1)
    return begin(locate(str(encoder_dir)), functions, how or recipe())


def truth_of(task, row):
    """What a row of ``make_rows`` says of a function; a third of them say nothing of the topic."""
    if task is SENTIMENT:
        return TONES.index(row["sentiment"])
    if task is TOPIC:
        return ("earnings", "people").index(row["topic"]) if "topic" in row else None
    if task is SUBJECTS:
        said = [("sales", "profit"), ("board", "chief"), ("office", "meeting")]
        return frozenset(n for n, words in enumerate(said) if set(words) & set(row["text"].split()))
    spans, at = [], 0
    for word in row["text"].split():
        if word in WORDS:
            spans.append(Span(at, at + len(word), WORDS[word]))
        at += len(word) + 1
    return Spans(tuple(spans), frozenset({"UP", "DOWN"}))


def encoded(encoder_dir, rows, functions=EVERY):
    tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", 32)
    return Encoded(
        tuple(tokenise(tokenizer, [row["text"] for row in rows], "shape")),
        tuple(tuple(truth_of(task, row) for task in functions) for row in rows),
        tuple(f"rows.jsonl:{number}" for number in range(1, len(rows) + 1)),
    )


def weights_of(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def apart(a, b):
    """The largest difference of a weight."""
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def said_by(model, rows, name):
    """The logits of a sentence head, [rows, outputs]."""
    return np.asarray(predict(model, rows, CPU)[name])
