"""The quick way through a step on a CPU: the same outputs and gradients, dropout as it should be."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.cpu import dropped, quickened
from training.encode import Tokens, pad
from training.encoder import locate
from training.model import build

pytestmark = pytest.mark.train

HEADS = {"sentiment": 3, "names": 5}


@pytest.fixture
def model(encoder_dir):
    def model(dropout):
        torch.manual_seed(3)
        config = locate(str(encoder_dir)).config
        return build(config, HEADS, token_heads=["names"], dropout=dropout).train()

    return model


def passed(model, *, on, seed=5):
    """The heads' outputs for two texts of unequal lengths, and every gradient."""
    inputs = pad([Tokens(ids, [0] * len(ids), ()) for ids in ([2, 7, 8, 9, 7, 3], [2, 9, 3])])
    model.zero_grad(set_to_none=True)
    torch.manual_seed(seed)
    with quickened(model, on=on):
        outputs = model(**inputs)
    sum(outputs[name].square().sum() for name in HEADS).backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return {name: outputs[name].detach() for name in HEADS} | gradients


def test_without_dropout_nothing_changes(model):
    ours = model(0.0)

    plain, quick = passed(ours, on=False), passed(ours, on=True)

    assert plain.keys() == quick.keys()
    for name, value in plain.items():
        scale = max(1.0, float(value.abs().max()))
        assert torch.allclose(quick[name], value, atol=1e-5 * scale, rtol=1e-4), name


def test_a_seed_decides_what_is_dropped(model):
    ours = model(0.3)

    once, again, other = (passed(ours, on=True, seed=seed) for seed in (5, 5, 6))

    assert all(torch.equal(once[name], again[name]) for name in once)
    assert not torch.equal(once["sentiment"], other["sentiment"])


def test_it_leaves_no_trace(model):
    ours = model(0.3)

    passed(ours, on=True)

    assert not any("forward" in vars(module) for module in ours.modules())


@settings(deadline=None)
@given(chance=st.floats(0.01, 0.95), seed=st.integers(0, 2**32 - 1))
def test_dropout_keeps_the_share_and_the_mean(chance, seed):
    torch.manual_seed(seed)
    value = torch.ones(101, 203, requires_grad=True)

    kept = dropped(value, chance)
    kept.sum().backward()

    share = float((kept == 0).float().mean())
    assert abs(share - chance) < 6 * (chance * (1 - chance) / value.numel()) ** 0.5 + 2**-16
    assert kept.max().item() == pytest.approx(1 / (1 - chance), rel=1e-2)
    assert torch.equal(value.grad, kept)  # type: ignore[arg-type]


@pytest.mark.parametrize(("chance", "left"), [(0.0, 1.0), (1.0, 0.0)])
def test_dropout_of_nothing_and_of_all(chance, left):
    assert torch.equal(dropped(torch.ones(9), chance), torch.full((9,), left))


def test_what_is_dropped_does_not_follow_a_pattern():
    torch.manual_seed(1)
    zeros = (dropped(torch.ones(4096, 4), 0.5) == 0).float()

    # Four elements share one number; each, and each pair, must fall as if alone.
    assert torch.allclose(zeros.mean(0), torch.full((4,), 0.5), atol=0.04)
    assert (torch.corrcoef(zeros.T) - torch.eye(4)).abs().max() < 0.08
