"""The pull to an earlier model's answers: where it leads, what is free of it, and that parts add up."""

import numpy as np
import pytest
import torch

from tests.train_world import CPU, EVERY, QUIET, apart, encoded, fresh, recipe, weights_of
from training.distil import Pull, pull_sum
from training.encode import Tokens
from training.evaluate import predict
from training.loop import fit
from training.losses import Encoded
from training.refresh.warm import pull_to

pytestmark = pytest.mark.train


def pulled(data, pull):
    return Encoded(data.rows, data.truths, data.names, pull)


def fitted(encoder_dir, data, pull, **changes):
    how = recipe(**changes)
    model = fresh(encoder_dir, how=how)
    fit(model, EVERY, pulled(data, pull), data, how, CPU, QUIET)
    return model


def test_a_strong_pull_keeps_the_answers_near_those_before(encoder_dir, rows_of):
    data = encoded(encoder_dir, rows_of(48))
    before = fresh(encoder_dir)
    held = pull_to(before, data, [False] * 48, 20.0, CPU)
    said = predict(before, data.rows, CPU)

    def moved(model):
        now = predict(model, data.rows, CPU)
        return float(np.abs(np.asarray(now["sentiment"]) - np.asarray(said["sentiment"])).mean())

    assert moved(fitted(encoder_dir, data, held)) < 0.5 * moved(fitted(encoder_dir, data, None))


def test_parts_of_a_step_add_up_to_the_whole(encoder_dir, rows_of):
    data = encoded(encoder_dir, rows_of(24))
    held = pull_to(fresh(encoder_dir), data, [n % 3 == 0 for n in range(24)], 1.0, CPU)
    changes = {"epochs": 1, "batch": 8, "dropout": 0.0, "optimiser": "sgd"}

    whole = weights_of(fitted(encoder_dir, data, held, **changes))
    parts = weights_of(fitted(encoder_dir, data, held, **changes, accumulate=4))

    assert apart(whole, parts) < 1e-4


def test_the_divergence_is_that_of_its_formula_and_free_rows_count_nothing():
    teacher = np.array([1.0, 0.0, -1.0], dtype=np.float32)
    pull = Pull(0.5, {"sentiment": [teacher, None, teacher]})
    logits = torch.tensor([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0], [1.0, 0.0, -1.0]])
    p = np.exp(teacher) / np.exp(teacher).sum()

    total = pull_sum(
        pull, {"sentiment": "single"}, {"sentiment": logits}, [0, 1, 2], [Tokens([], [], ())] * 3
    )

    assert float(total) == pytest.approx(0.5 * float((p * np.log(p * 3)).sum()), abs=1e-6)
    assert pull.count([0, 1, 2]) == 2
    assert pull.count([1]) == 1, "never divided by nothing"
