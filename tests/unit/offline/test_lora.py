"""Adapters: they begin as nothing, learn beside a frozen encoder, and merge into the weights unheard."""

import numpy as np
import pytest
import torch

from groundswell.errors import CannotContinue
from tests.train_world import (
    CPU,
    NAMES,
    QUIET,
    SENTIMENT,
    encoded,
    fresh,
    recipe,
    said_by,
    weights_of,
)
from training.loop import fit
from training.strategies.lora import inject, merge

pytestmark = pytest.mark.train


@pytest.fixture
def adapted(encoder_dir, rows_of):
    """A model whose adapters have learned something, and rows."""

    def adapted(functions=(NAMES, SENTIMENT)):
        model = fresh(encoder_dir, functions)
        before = weights_of(model)
        inject(model, rank=4, alpha=8, dropout=0.1)
        rows = encoded(encoder_dir, rows_of(24), functions)
        fit(model, functions, rows, rows, recipe(epochs=2), CPU, QUIET)
        return model, before, rows

    return adapted


def test_a_new_adapter_changes_nothing_and_leaves_the_encoder_frozen(encoder_dir, rows_of):
    model = fresh(encoder_dir)
    rows = encoded(encoder_dir, rows_of(4)).rows
    before = said_by(model, rows, "sentiment")

    inject(model, rank=4, alpha=8, dropout=0.1)

    assert np.array_equal(said_by(model, rows, "sentiment"), before)
    moving = {name for name, p in model.named_parameters() if p.requires_grad}
    assert all("lora_" in name or name.startswith("heads.") for name in moving)
    # A and B beside query, key, value and three dense layers in each of two layers; four heads.
    assert len(moving) == 2 * 6 * 2 + 4 * 2


def test_merging_says_what_the_adapters_said_and_gives_back_the_names(adapted):
    model, before, rows = adapted()
    said = said_by(model, rows.rows, "sentiment")

    difference = merge(model, rows.rows)

    again = said_by(model, rows.rows, "sentiment")
    after = weights_of(model)
    assert 0.0 <= difference < 1e-4
    assert np.abs(again - said).max() < 1e-4
    assert after.keys() == before.keys()
    assert not any("lora" in name for name, _ in model.named_modules())
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert {"heads.sentiment.weight", "heads.names.weight"} <= moved
    assert "bert.encoder.layer.0.attention.self.query.weight" in moved
    assert not [name for name in moved if "embeddings" in name or "LayerNorm" in name]


def test_a_merge_that_says_something_else_is_refused(adapted):
    model, _, rows = adapted()
    layer = model.bert.encoder.layer[1].output.dense
    # Stands for whatever an adapter adds that its merged weight does not.
    layer.register_forward_hook(lambda _, __, output: output * 1.5)

    with pytest.raises(
        CannotContinue, match=r"differ from the adapted one's .* nothing is written"
    ):
        merge(model, rows.rows)
