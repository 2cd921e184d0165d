"""What the model read in training and what it reads when it serves are the same tokens."""

from pathlib import Path

import pytest

from groundswell.models.tokens import Tokens
from training.encode import load_tokenizer, tokenise

pytestmark = pytest.mark.train

PATH = Path(__file__).parents[3] / "deploy" / "models" / "default" / "tokenizer.json"
TEXTS = [
    "Halvorsen Marine's iPhone-like Q3: EPS $1.20 vs. 1.1e, ECB & U.S. up 4%",
    "CRÉDIT Agricole naïve Ärger ﬁnance",
    "比特币 Bitcoin 跌 5%",
    "🚀🚀 $GME to the MOON!!! [SEP] [MASK] done",
    "x" * 150 + " Tail",
    "Norvane AG " * 60,
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_ids_types_and_words_are_those_of_training(text):
    [theirs] = tokenise(load_tokenizer(PATH, 64), [text], "shape")
    [ours] = Tokens(PATH, 64, 2000, shapes=True, words=True).encode([text])

    assert ours.ids == theirs.ids
    assert list(ours.types) == theirs.types
    assert list(zip(ours.words.starts, ours.words.ends, ours.words.places, strict=True)) == [
        tuple(word) for word in theirs.words
    ]
