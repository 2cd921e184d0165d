"""The loop learns, masks, restores the best step, and repeats itself."""

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from groundswell.errors import CannotContinue
from training import loop
from training.data import MASKED, Example
from training.encode import load_tokenizer, tokenise
from training.encoder import locate
from training.evaluate import predict
from training.hardware import Hardware
from training.loop import Encoded, Recipe, fit, freeze, make_optimiser, masked_loss, pace, seed
from training.model import build, load_encoder

pytestmark = pytest.mark.train

CPU = Hardware("cpu", 1, "fp32")
QUIET = Console(quiet=True)
HEADS = {"sentiment": 3, "topic": 2}
TONES = ("negative", "neutral", "positive")


@pytest.fixture
def fresh(encoder_dir):
    def fresh(heads=None):
        torch.set_num_threads(1)
        encoder = locate(str(encoder_dir))
        seed(1)
        model = build(encoder.config, heads or HEADS)
        load_encoder(model, load_file(encoder.directory / "model.safetensors"))
        return model

    return fresh


@pytest.fixture
def encoded(encoder_dir, rows_of):
    def encoded(count, seed=0):
        tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", 32)
        examples = [
            Example(
                row["text"],
                (
                    TONES.index(row["sentiment"]),
                    ("earnings", "people").index(row["topic"]) if "topic" in row else MASKED,
                ),
            )
            for row in rows_of(count, seed=seed)
        ]
        return Encoded.of(tokenise(tokenizer, [e.text for e in examples]), examples)

    return encoded


def recipe(**changes):
    settled = {
        "epochs": 2,
        "learning_rate": 3e-3,
        "head_factor": 2.0,
        "batch": 16,
        "freeze": "none",
    }
    return Recipe(**{**settled, **changes})


def test_it_learns_a_tiny_set_by_heart(fresh, encoded):
    model, rows = fresh(), encoded(32)

    history = fit(model, rows, rows, recipe(epochs=40, patience=80, smoothing=0.0), CPU, QUIET)

    assert max(e.score for e in history) == 1.0
    given = predict(model, rows.ids, CPU)["sentiment"].argmax(axis=1)
    assert (given == rows.labels[:, 0].numpy()).all()


def test_it_ends_with_the_weights_of_the_best_step(fresh, encoded, monkeypatch):
    model, rows = fresh(), encoded(64)
    planted = iter([0.2, 0.9, 0.5, 0.4])
    seen = []

    def judge(logits, truth):
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(planted)

    monkeypatch.setattr(loop, "dev_score", judge)
    history = fit(model, rows, rows, recipe(epochs=2, evaluations=2), CPU, QUIET)

    assert [e.score for e in history] == [0.2, 0.9, 0.5, 0.4]
    same = [
        all(torch.equal(value, model.state_dict()[name]) for name, value in state.items())
        for state in seen
    ]
    assert same == [False, True, False, False]


def test_it_stops_when_patience_ends(fresh, encoded, monkeypatch):
    rows = encoded(64)
    monkeypatch.setattr(loop, "dev_score", lambda _logits, _truth: 0.5)

    history = fit(fresh(), rows, rows, recipe(epochs=9, patience=2), CPU, QUIET)

    assert len(history) == 3


def test_the_same_seed_gives_the_same_weights(fresh, encoded):
    rows = encoded(48)
    states = []
    for number in (1, 1, 2):
        model = fresh()
        fit(model, rows, rows, recipe(seed=number, epochs=1), CPU, QUIET)
        states.append(model.state_dict())

    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert not all(torch.equal(value, states[2][name]) for name, value in states[0].items())


def test_a_loss_that_is_not_finite_ends_the_run(fresh, encoded):
    model, rows = fresh(), encoded(32)
    with torch.no_grad():
        model.heads["sentiment"].bias.fill_(float("nan"))

    with pytest.raises(CannotContinue, match=r"loss is nan at step 1 of .*--learning-rate"):
        fit(model, rows, rows, recipe(), CPU, QUIET)


def test_a_masked_row_moves_only_the_heads_that_it_labels(fresh, encoded):
    model, rows = fresh(), encoded(24)
    masked = Encoded(rows.ids, torch.stack([rows.labels[:, 0], torch.full((24,), MASKED)], dim=1))
    before = model.heads["topic"].weight.detach().clone()

    fit(model, masked, rows, recipe(epochs=1, weight_decay=0.0), CPU, QUIET)

    assert torch.equal(model.heads["topic"].weight, before)


def test_the_loss_is_the_mean_over_labelled_rows():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    labels = torch.tensor([[0], [1], [MASKED]])
    known = torch.nn.functional.cross_entropy(logits[:2], labels[:2, 0], label_smoothing=0.1)

    assert torch.allclose(masked_loss([logits], labels, 0.1), known)


def test_the_loss_of_a_batch_without_labels_is_zero():
    assert float(masked_loss([torch.ones(2, 3)], torch.full((2, 1), MASKED), 0.1)) == 0.0


def test_frozen_embeddings_stay(fresh, encoded):
    model, rows = fresh(), encoded(24)
    before = {n: p.detach().clone() for n, p in model.bert.embeddings.named_parameters()}

    fit(model, rows, rows, recipe(epochs=1, freeze="embeddings"), CPU, QUIET)

    assert all(torch.equal(p, before[n]) for n, p in model.bert.embeddings.named_parameters())


def test_heads_learn_faster_and_biases_do_not_decay(fresh):
    model = fresh()
    freeze(model, "embeddings")
    names = {id(p): n for n, p in model.named_parameters()}

    settings = {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in make_optimiser(model, Recipe()).param_groups
        for p in group["params"]
    }

    assert settings["heads.topic.weight"] == (1e-3, 0.01)
    assert settings["heads.topic.bias"] == (1e-3, 0.0)
    assert settings["bert.encoder.layer.0.output.dense.weight"] == (2e-4, 0.01)
    assert settings["bert.encoder.layer.0.output.LayerNorm.weight"] == (2e-4, 0.0)
    assert not [name for name in settings if "embeddings" in name]


def test_the_pace_warms_up_and_ends_at_zero():
    paces = [pace(step, 100, Recipe()) for step in range(101)]

    assert paces[0] == pytest.approx(0.1)
    assert max(paces) == paces[10] == 1.0
    assert paces[100] == 0.0
    assert np.diff(paces[:10]).min() > 0 > np.diff(paces[10:]).max()
