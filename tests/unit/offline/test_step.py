"""What a step adds to the gradient: R-Drop, adversarial embeddings, rounding; parts that add up."""

import pytest
import torch

from tests.train_world import (
    CPU,
    EVERY,
    NAMES,
    QUIET,
    SENTIMENT,
    apart,
    encoded,
    fresh,
    recipe,
    same,
    weights_of,
)
from training.encode import pad
from training.examples import Spans
from training.loop import fit
from training.losses import Encoded
from training.optimise import Movement
from training.parallel import Alone
from training.regularise import Perturbation, round_activations, round_weights, rounded
from training.step import Step

pytestmark = pytest.mark.train

PLAIN = {"dropout": 0.0, "weight_decay": 0.0, "clip": 1e9}


@pytest.fixture
def gradient(encoder_dir, rows_of):
    """The gradient of one step on eight rows, and its loss."""

    def gradient(functions=EVERY, rows=None, **changes):
        how = recipe(optimiser="sgd", learning_rate=1e-30, **{**PLAIN, **changes})
        model = fresh(encoder_dir, functions, how)
        if rows is None:
            rows = encoded(encoder_dir, [r for r in rows_of(12) if "topic" in r], functions)
        movement = Movement(model, how, 1)
        step = Step(
            model,
            functions,
            rows,
            how,
            CPU,
            Alone(),
            movement,
            dict.fromkeys(f.name for f in functions),
        )
        movement.at(0)
        torch.manual_seed(5)
        loss = step(range(len(rows.rows)), rounding=how.fake_int8 > 0)
        return {n: p.grad.clone() for n, p in movement.named if p.grad is not None}, loss

    return gradient


def test_parts_of_a_step_add_up(gradient):
    whole, loss = gradient()
    for parts in (2, 3, 11):
        found, total = gradient(accumulate=parts)

        assert total == pytest.approx(loss, rel=1e-5)
        assert apart(found, whole) < 1e-5


def test_parts_give_the_same_weights(encoder_dir, rows_of):
    rows = encoded(encoder_dir, rows_of(32))
    found = []
    for parts in (1, 4):
        how = recipe(epochs=1, optimiser="sgd", accumulate=parts, **PLAIN)
        model = fresh(encoder_dir, EVERY, how)
        fit(model, EVERY, rows, rows, how, CPU, QUIET)
        found.append(weights_of(model))

    assert apart(*found) < 1e-5


def test_a_part_in_which_nothing_is_labelled_adds_nothing(encoder_dir, rows_of, gradient):
    full = encoded(encoder_dir, rows_of(2), (NAMES,))
    # A row of one kind with the other, but without a word: nothing of it counts.
    empty = full.rows[1]._replace(words=())
    rows = Encoded((full.rows[0], empty), (full.truths[0], (Spans((), frozenset({"UP"})),)))
    one, loss = gradient((NAMES,), Encoded(full.rows[:1], full.truths[:1]))

    found, total = gradient((NAMES,), rows, accumulate=2)

    assert total == pytest.approx(loss, rel=1e-6)
    assert apart(found, one) < 1e-6


@pytest.mark.parametrize("name", ["r_drop", "fgm"])
def test_what_is_switched_off_changes_nothing_and_on_does(gradient, name):
    rows = {"dropout": 0.2}
    plain, _ = gradient(**rows)
    off, _ = gradient(**rows, **{name: 0.0})
    on, _ = gradient(**rows, **{name: 0.5})

    more, _ = gradient(**rows, **{name: 1.0})

    assert same(plain, off)
    assert apart(plain, on) > 1e-4
    assert apart(on, more) > 1e-4


def test_r_drop_of_equal_passes_is_the_plain_step(gradient):
    plain, loss = gradient()
    found, total = gradient(r_drop=3.0)

    assert total == pytest.approx(loss, rel=1e-5)
    assert apart(found, plain) < 1e-5


def test_an_adversarial_step_of_no_length_is_the_plain_gradient_twice(gradient):
    plain, _ = gradient()
    found, _ = gradient(fgm=1e-12)

    assert apart(found, {name: 2 * value for name, value in plain.items()}) < 1e-4


def test_an_adversarial_step_raises_the_loss(encoder_dir, rows_of):
    model = fresh(encoder_dir, (SENTIMENT,), recipe(dropout=0.0)).eval()
    rows = encoded(encoder_dir, rows_of(8), (SENTIMENT,))
    labels = torch.tensor([truths[0] for truths in rows.truths])
    perturbation = Perturbation(model, 0.3)

    def loss():
        return torch.nn.functional.cross_entropy(model(**pad(rows.rows))["sentiment"], labels)

    with perturbation.watch():
        clean = loss()
    clean.backward()
    clean = float(clean.detach())
    with perturbation.push(), torch.no_grad():
        pushed = loss()

    assert float(pushed) > clean + 1e-3
    # No hook is left behind.
    assert float(loss().detach()) == clean


def test_r_drop_and_adversarial_steps_go_together(gradient):
    drop, _ = gradient(dropout=0.2, r_drop=1.0)
    both, _ = gradient(dropout=0.2, r_drop=1.0, fgm=0.5)

    assert apart(drop, both) > 1e-4


def test_frozen_embeddings_are_perturbed_too(gradient):
    plain, _ = gradient(freeze="embeddings")
    found, _ = gradient(freeze="embeddings", fgm=0.5)

    assert not [name for name in found if ".embeddings." in name]
    assert apart(found, {name: 2 * value for name, value in plain.items()}) > 1e-4


def test_rounding_is_to_a_grid_and_lets_the_gradient_pass():
    value = torch.linspace(-1.0, 3.0, 999).requires_grad_()
    found = round_activations(value)
    found.sum().backward()
    found = found.detach()
    weight = torch.tensor([[1.0, -0.31, 0.0], [200.0, 3.0, -1.0]])
    scale = weight.abs().amax(dim=1, keepdim=True) / 63.5

    assert len(found.unique()) == 256
    assert float((found - value.detach()).abs().max()) <= 4.0 / 255 / 2 + 1e-6
    assert bool((round_activations(torch.zeros(3)) == 0).all())
    assert value.grad is not None
    assert torch.equal(value.grad, torch.ones(999))
    assert torch.allclose(round_weights(weight) / scale, torch.round(weight / scale), atol=1e-4)


def test_rounding_is_felt_inside_and_leaves_no_trace(encoder_dir, rows_of):
    model = fresh(encoder_dir, (SENTIMENT,)).eval()
    inputs = pad(encoded(encoder_dir, rows_of(4), (SENTIMENT,)).rows)

    def said():
        with torch.inference_mode():
            return model(**inputs)["sentiment"]

    before, weights = said(), weights_of(model)
    with rounded(model, on=True):
        inside = said()
    with rounded(model, on=False):
        off = said()
    with pytest.raises(KeyError), rounded(model, on=True):
        dict[str, int]()["broken off"]

    assert 0.0 < float((inside - before).abs().max()) < 1.0
    assert torch.equal(off, before)
    assert torch.equal(said(), before)
    assert same(weights_of(model), weights)
    assert not [m for m in model.modules() if "forward" in vars(m)]


def test_rounding_changes_the_gradient(gradient):
    plain, _ = gradient()
    found, _ = gradient(fake_int8=1.0)

    assert apart(plain, found) > 1e-6


def test_every_head_that_a_row_speaks_of_gets_a_gradient(gradient):
    found, _ = gradient()

    assert {name.split(".")[1] for name in found if name.startswith("heads.")} == {
        function.name for function in EVERY
    }
