"""The model: pooling, contributions, and the encoder's weights."""

import pytest
import torch
from safetensors.torch import load_file

from training.encode import Tokens, pad
from training.encoder import locate
from training.model import build, load_encoder

pytestmark = pytest.mark.train

HEADS = {"sentiment": 3, "topic": 5}


def padded(*texts):
    return pad([Tokens(ids, [0] * len(ids), ()) for ids in texts])


@pytest.fixture
def model(encoder_dir):
    torch.manual_seed(3)
    return build(locate(str(encoder_dir)).config, HEADS).eval()


def test_contributions_add_up_to_the_logits(model):
    with torch.inference_mode():
        outputs = model(**padded([2, 7, 8, 9, 3], [2, 9, 3]))

    total = outputs["contributions"].sum(dim=1) + model.heads["sentiment"].bias
    assert torch.allclose(total, outputs["sentiment"], atol=1e-5)
    assert outputs["contributions"].shape == (2, 5, 3)
    assert (outputs["contributions"][1, 3:] == 0).all()


def test_padding_changes_nothing(model):
    with torch.inference_mode():
        alone = model(**padded([2, 9, 3]))
        beside = model(**padded([2, 9, 3], [2, 7, 8, 9, 7, 8, 3]))

    for name in ("sentiment", "topic", "embedding"):
        assert torch.allclose(alone[name][0], beside[name][0], atol=1e-5)


def test_the_embedding_has_length_one(model):
    with torch.inference_mode():
        lengths = model(**padded([2, 7, 3], [2, 8, 9, 3]))["embedding"].norm(dim=-1)

    assert torch.allclose(lengths, torch.ones(2), atol=1e-5)


def test_without_a_sentiment_head_the_first_is_explained(encoder_dir):
    model = build(locate(str(encoder_dir)).config, {"topic": 4}).eval()

    assert model(**padded([2, 7, 3]))["contributions"].shape == (1, 3, 4)


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_the_encoder_is_loaded_whatever_its_prefix(model, encoder_dir, prefix):
    weights = load_file(encoder_dir / "model.safetensors")

    load_encoder(model, {prefix + name: value for name, value in weights.items()})

    loaded = model.bert.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())


def test_missing_weights_are_named(model, encoder_dir):
    weights = load_file(encoder_dir / "model.safetensors")
    del weights["embeddings.word_embeddings.weight"]

    with pytest.raises(KeyError, match="word_embeddings"):
        load_encoder(model, weights)


def test_token_heads_read_tokens_and_explain_nothing(encoder_dir):
    config = locate(str(encoder_dir)).config
    alone = build(config, {"names": 5}, token_heads=["names"]).eval()
    both = build(config, {"names": 5, "topic": 4}, token_heads=["names"]).eval()

    said = alone(**padded([2, 7, 3], [2, 9, 8, 7, 3]))

    assert said["names"].shape == (2, 5, 5)
    assert "contributions" not in said
    assert both(**padded([2, 7, 3]))["contributions"].shape == (1, 3, 4)


def test_new_token_types_begin_as_the_encoder_was(encoder_dir):
    weights = load_file(encoder_dir / "model.safetensors")
    config = locate(str(encoder_dir)).config
    old, new = (build(config, HEADS, token_types=types) for types in (0, 7))
    for each in (old, new):
        load_encoder(each, weights)
    new.heads.load_state_dict(old.heads.state_dict())
    inputs = padded([2, 7, 9, 3])

    before = old.eval()(**inputs)["sentiment"]
    after = new.eval()(**{**inputs, "token_type_ids": torch.tensor([[0, 3, 6, 0]])})["sentiment"]

    assert torch.equal(before, after)
