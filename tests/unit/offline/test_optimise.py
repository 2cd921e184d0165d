"""Which parameters move at a step, and how fast."""

import pytest
import torch

from groundswell.errors import InputError
from tests.train_world import CPU, EVERY, QUIET, encoded, fresh, recipe, weights_of
from training.loop import fit
from training.optimise import Movement, depth_of

pytestmark = pytest.mark.train


def rates(model, how, step=0, steps=1):
    movement = Movement(model, how, steps)
    movement.at(step)
    names = {id(p): n for n, p in model.named_parameters()}
    return {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in movement.optimiser.param_groups
        for p in group["params"]
    }


def still(model):
    return {name for name, parameter in model.named_parameters() if not parameter.requires_grad}


def test_the_depth_of_a_parameter():
    assert depth_of("bert.embeddings.LayerNorm.weight", 6) == 0
    assert depth_of("bert.encoder.layer.0.output.dense.weight", 6) == 1
    assert depth_of("bert.encoder.layer.5.attention.self.query.lora_A.default.weight", 6) == 6
    assert depth_of("heads.topic.bias", 6) == 7


def test_heads_learn_faster_lower_layers_slower_and_biases_do_not_decay(encoder_dir):
    how = recipe(learning_rate=1e-3, head_factor=5.0, layer_decay=0.5, weight_decay=0.01)
    found = rates(fresh(encoder_dir), how)

    assert found["heads.topic.weight"] == pytest.approx((5e-3, 0.01))
    assert found["heads.topic.bias"] == pytest.approx((5e-3, 0.0))
    assert found["bert.encoder.layer.1.output.dense.weight"] == pytest.approx((5e-4 * 2, 0.01))
    assert found["bert.encoder.layer.0.output.dense.weight"] == pytest.approx((5e-4, 0.01))
    assert found["bert.encoder.layer.0.output.LayerNorm.weight"] == pytest.approx((5e-4, 0.0))
    assert found["bert.embeddings.word_embeddings.weight"] == pytest.approx((2.5e-4, 0.01))


def test_every_parameter_stands_in_one_group(encoder_dir):
    model = fresh(encoder_dir)

    assert rates(model, recipe(layer_decay=0.9)).keys() == {n for n, _ in model.named_parameters()}


@pytest.mark.parametrize(
    ("freeze", "parts"),
    [
        ("none", ()),
        ("embeddings", ("embeddings",)),
        ("layers:1", ("embeddings", "layer.0")),
        ("layers:2", ("embeddings", "layer.0", "layer.1")),
    ],
)
def test_what_is_frozen_does_not_move(encoder_dir, rows_of, freeze, parts):
    how = recipe(epochs=1, evaluations=1, freeze=freeze)
    model = fresh(encoder_dir, EVERY, how)
    before = weights_of(model)
    rows = encoded(encoder_dir, rows_of(24))

    fit(model, EVERY, rows, rows, how, CPU, QUIET)

    stood = {n for n, value in model.named_parameters() if torch.equal(value, before[n])}
    assert stood == {n for n in before if any(f".{part}." in n for part in parts)}


def test_gradual_unfreezing_begins_at_the_top(encoder_dir):
    model, how = fresh(encoder_dir), recipe(freeze="gradual")
    movement = Movement(model, how, 60)
    frozen = []
    for step in (0, 9, 10, 19, 20, 59):
        movement.at(step)
        frozen.append(
            [
                part
                for part in ("embeddings", "layer.0", "layer.1", "heads")
                if any(part in name for name in still(model))
            ]
        )

    assert frozen[:2] == [["embeddings", "layer.0", "layer.1"]] * 2
    assert frozen[2:4] == [["embeddings", "layer.0"]] * 2
    assert frozen[4:] == [["embeddings"]] * 2


def test_a_layer_that_freezes_forgets_its_gradient(encoder_dir):
    model = fresh(encoder_dir)
    movement = Movement(model, recipe(freeze="embeddings"), 4)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)

    movement.at(0)

    assert len(list(movement.moving())) == len(list(model.parameters())) - len(
        list(model.bert.embeddings.parameters())
    )


def test_what_does_not_learn_from_the_start_never_does(encoder_dir):
    model = fresh(encoder_dir)
    model.bert.requires_grad_(requires_grad=False)
    movement = Movement(model, recipe(freeze="none"), 4)
    movement.at(3)

    assert {name for name, _ in movement.named} == {
        name for name, _ in model.named_parameters() if name.startswith("heads.")
    }
    assert len(still(model)) == len(list(model.bert.parameters()))


def test_sgd_is_another_rule(encoder_dir):
    assert isinstance(
        Movement(fresh(encoder_dir), recipe(optimiser="sgd"), 4).optimiser, torch.optim.SGD
    )


def test_more_layers_than_there_are_cannot_be_frozen(encoder_dir):
    with pytest.raises(InputError, match=r"--freeze layers:3: must be none, .* N up to 2"):
        Movement(fresh(encoder_dir), recipe(freeze="layers:3"), 4)
