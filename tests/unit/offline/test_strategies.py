"""The rungs of the ladder: which is chosen and why, adapters, contrast, and heads made of words."""

import math

import msgspec
import numpy as np
import pytest
import torch

from groundswell.errors import InputError
from groundswell.tasks import Label
from tests.train_world import (
    CPU,
    NAMES,
    QUIET,
    SENTIMENT,
    SUBJECTS,
    TOPIC,
    apart,
    encoded,
    fresh,
    function,
    recipe,
    said_by,
    same,
    weights_of,
)
from training.encode import load_tokenizer, pad, tokenise
from training.encoder import DEFAULT, locate
from training.examples import Example, Span, Spans
from training.functions import find_function
from training.losses import Encoded
from training.recipe import Recipe
from training.strategies.choice import labels_per_class, pick
from training.strategies.few_shot import TEMPERATURE, contrast, fit_few
from training.strategies.pooled import pooled_of
from training.strategies.rungs import begin
from training.strategies.zero_shot import set_heads

pytestmark = pytest.mark.train


def examples(*truths):
    return [Example(id=str(n), text=f"t{n}", truths=each) for n, each in enumerate(truths)]


def balanced(count):
    """``count`` rows of each of three labels."""
    return examples(*[(label,) for label in range(3) for _ in range(count)])


@pytest.mark.parametrize(
    ("count", "rung"), [(0, "zero-shot"), (8, "few-shot"), (128, "few-shot"), (200, "full")]
)
def test_auto_goes_by_the_labels_of_a_class(count, rung):
    choice = pick("auto", [SENTIMENT], balanced(count))

    assert choice.name == rung
    assert choice.reason == f"sentiment has {count} labelled rows a label (the median)"
    assert choice.rows == 3 * count


def test_labels_without_a_row_do_not_count_and_are_said():
    choice = pick("auto", [SENTIMENT], examples(*[(0,)] * 256))

    said = "sentiment has 256 labelled rows a label (the median), and none for 2 of its 3 labels"
    assert (choice.name, choice.reason) == ("full", said)


def test_adapters_are_not_trained_under_rounding():
    rounded = Recipe(fake_int8=0.2)

    with pytest.raises(InputError, match=r"fake_int8 0\.2 with strategy lora"):
        pick("lora", [SENTIMENT], balanced(8)).settle(rounded)
    assert pick("full", [SENTIMENT], balanced(8)).settle(rounded).fake_int8 == 0.2


def test_the_poorest_task_decides():
    rows = examples(*[(label % 3, label % 2 if label < 20 else None) for label in range(300)])

    choice = pick("auto", [SENTIMENT, TOPIC], rows)

    assert (choice.name, choice.reason) == (
        "few-shot",
        "topic has 10 labelled rows a label (the median)",
    )


def test_stretches_are_only_ever_trained_in_full():
    rows = examples((Spans((Span(0, 2, "UP"),), frozenset({"UP", "DOWN"})),), (None,))

    choice = pick("auto", [NAMES], rows)

    assert choice.name == "full"
    assert choice.reason.endswith(", and names can only be trained in full")
    for rung in ("zero-shot", "few-shot"):
        with pytest.raises(InputError, match=f"--strategy {rung}: names finds stretches of text"):
            pick(rung, [NAMES], rows)


@pytest.mark.parametrize("wanted", ["zero-shot", "few-shot", "lora", "full"])
def test_what_is_asked_for_is_done(wanted):
    choice = pick(wanted, [SENTIMENT], balanced(2))

    assert choice.name == wanted
    assert choice.reason.startswith("asked for; sentiment has 2")


@pytest.mark.parametrize("wanted", ["few-shot", "lora", "full"])
def test_training_needs_rows(wanted):
    with pytest.raises(
        InputError, match=f"--strategy {wanted} needs rows to train on: give --data"
    ):
        pick(wanted, [SENTIMENT], [])


def test_a_rung_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="--strategy magic: must be auto, zero-shot, few-shot"):
        pick("magic", [SENTIMENT], balanced(2))


def test_labels_are_counted_by_kind():
    spans = Spans((Span(0, 2, "UP"), Span(3, 5, "UP")), frozenset({"UP", "DOWN"}))
    rows = examples((spans, 2, frozenset({0, 2})), (None, None, frozenset()), (spans, 2, None))

    assert labels_per_class(NAMES, 0, rows) == [0, 4]
    assert labels_per_class(SENTIMENT, 1, rows) == [0, 0, 2]
    assert labels_per_class(SUBJECTS, 2, rows) == [1, 0, 1]


def test_the_epochs_that_were_left_open_follow_from_the_rows():
    few, many = (pick("full", [SENTIMENT], balanced(count)) for count in (10, 20_000))

    assert few.settle(recipe(epochs=0)).epochs == 24
    assert many.settle(recipe(epochs=0)).epochs == 3
    assert many.settle(recipe(epochs=5)).epochs == 5


# Few-shot


def test_the_contrastive_loss_by_hand():
    vectors = torch.tensor([[2.0, 0.0], [1.0, 1.0], [0.0, 3.0], [-1.0, 0.0]])
    labels = [0, 0, 1, 2]
    unit = (vectors / vectors.norm(dim=1, keepdim=True)).numpy().astype(np.float64)
    alike = np.exp(unit @ unit.T / TEMPERATURE)
    known = -np.mean(
        [
            math.log(alike[i, j] / sum(alike[i, k] for k in range(4) if k != i))
            for i, j in ((0, 1), (1, 0))
        ]
    )

    assert float(contrast(vectors, torch.tensor(labels))) == pytest.approx(known, rel=1e-4)
    assert float(contrast(vectors, torch.arange(4))) == 0.0


def test_few_rows_are_learned(encoder_dir, rows_of):
    functions = (SENTIMENT, SUBJECTS)
    model = fresh(encoder_dir, functions)
    rows = encoded(encoder_dir, rows_of(24), functions)
    tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", 32)
    how = recipe(learning_rate=1e-3)

    fit_few(model, functions, rows, how, CPU, QUIET, tokenizer=tokenizer, languages=("en",))

    hits = said_by(model, rows.rows, "sentiment").argmax(axis=1) == [
        truths[0] for truths in rows.truths
    ]
    assert hits.mean() > 0.9
    several = [
        frozenset(np.flatnonzero(line > 0).tolist())
        for line in said_by(model, rows.rows, "subjects")
    ]
    assert np.mean([a == b[1] for a, b in zip(several, rows.truths, strict=True)]) > 0.7


@pytest.fixture
def briefly(monkeypatch):
    """Few-shot of a few steps, where what it learns does not matter."""
    monkeypatch.setattr("training.strategies.few_shot.STEPS", 10)


@pytest.mark.usefixtures("briefly")
def test_few_shot_repeats_itself(encoder_dir, rows_of):
    rows = encoded(encoder_dir, rows_of(9), (SENTIMENT,))
    tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", 32)
    found = []
    for _ in range(2):
        model = fresh(encoder_dir, (SENTIMENT,))
        fit_few(
            model, (SENTIMENT,), rows, recipe(), CPU, QUIET, tokenizer=tokenizer, languages=("en",)
        )
        found.append(weights_of(model))

    assert same(*found)


@pytest.mark.usefixtures("briefly")
@pytest.mark.parametrize("labels", [{0}, {0, 2}])
def test_labels_without_a_row_are_not_said(encoder_dir, rows_of, labels):
    full = encoded(encoder_dir, rows_of(40), (SENTIMENT,))
    kept = [n for n, truths in enumerate(full.truths) if truths[0] in labels]
    rows = Encoded(tuple(full.rows[n] for n in kept), tuple(full.truths[n] for n in kept))
    model = fresh(encoder_dir, (SENTIMENT,))
    tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", 32)

    def train():
        fit_few(
            model, (SENTIMENT,), rows, recipe(), CPU, QUIET, tokenizer=tokenizer, languages=("en",)
        )

    if len(labels) == 1:
        with pytest.raises(InputError, match=r"sentiment: .* fewer than two labels"):
            train()
    else:
        train()
        given = said_by(model, full.rows, "sentiment").argmax(axis=1)
        assert set(given.tolist()) == labels


# Zero-shot

MOOD = function("mood", "good", "bad", lexicon={"good": ("record",), "bad": ("fraud",)})
MOOD_LABELS = (
    Label(name="good", description="profit rose", examples=("profit gain record",)),
    Label(name="bad", description="loss fell", examples=("fraud loss cut",)),
)


def test_heads_made_of_words_prefer_the_label_that_said_them(encoder_dir):
    mood = msgspec.structs.replace(MOOD, labels=MOOD_LABELS)
    model = fresh(encoder_dir, (mood,))
    tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", 32)

    set_heads(model, (mood,), tokenizer, "shape", ("en",), CPU)

    texts = ["profit gain record", "fraud loss cut", "record", "fraud"]
    said = said_by(model, tokenise(tokenizer, texts, "shape"), "mood")
    assert said.argmax(axis=1).tolist() == [0, 1, 0, 1]
    # What all labels share speaks for none of them.
    assert np.abs(said.sum(axis=1)).max() < 1e-3


def test_a_lexicon_is_a_prior(encoder_dir):
    tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", 32)
    found = []
    for lexicon in (dict[str, tuple[str, ...]](), MOOD.lexicon):
        mood = msgspec.structs.replace(MOOD, labels=MOOD_LABELS, lexicon=lexicon)
        model = fresh(encoder_dir, (mood,))
        set_heads(model, (mood,), tokenizer, "shape", ("en",), CPU)
        found.append(weights_of(model))

    assert apart(*found) > 1e-3


def test_stretches_cannot_be_found_by_likeness(encoder_dir):
    tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", 32)

    with pytest.raises(InputError, match="names: stretches of text cannot be found by similarity"):
        set_heads(fresh(encoder_dir, (NAMES,)), (NAMES,), tokenizer, "shape", ("en",), CPU)


def test_pooled_vectors_do_not_depend_on_their_neighbours(encoder_dir, rows_of):
    model = fresh(encoder_dir)
    rows = (
        encoded(encoder_dir, rows_of(6)).rows[:5]
        + encoded(encoder_dir, [{"text": "profit", "sentiment": "positive"}], (SENTIMENT,)).rows
    )

    together = pooled_of(model, rows, CPU)
    alone = np.concatenate([pooled_of(model, [row], CPU) for row in rows])

    assert np.abs(together - alone).max() < 1e-5
    with torch.inference_mode():
        embedding = model.eval()(**pad(rows))["embedding"].numpy()
    unit = together / np.linalg.norm(together, axis=1, keepdims=True)
    assert np.abs(unit - embedding).max() < 1e-5


def test_the_default_encoder_tells_tones_apart_without_a_row():
    try:
        encoder = locate(DEFAULT)
    except InputError as error:
        pytest.skip(f"the default encoder is not here: {error}")
    sentiment = find_function("sentiment")
    model = begin(encoder, (sentiment,), recipe(max_tokens=64))
    tokenizer = load_tokenizer(encoder.directory / "tokenizer.json", 64)
    set_heads(model, (sentiment,), tokenizer, "shape", ("en",), CPU)
    texts = {
        "Orders doubled and the company raised its profit forecast": "positive",
        "Shares climbed to a record after strong quarterly earnings": "positive",
        "The lender warned of heavy losses and will cut 900 jobs": "negative",
        "Sales plunged and the dividend was scrapped": "negative",
    }

    said = said_by(model, tokenise(tokenizer, list(texts), "shape"), "sentiment")

    assert [sentiment.label_names[place] for place in said.argmax(axis=1)] == list(texts.values())
