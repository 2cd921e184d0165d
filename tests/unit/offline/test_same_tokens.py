"""What the model read in training and what it reads when it serves are the same tokens."""

from pathlib import Path

import pytest

from groundswell.models.tokens import Tokens, head_and_tail
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


@pytest.mark.parametrize("most", [64, 9])
@pytest.mark.parametrize("truncation", ["head", "head_tail"])
@pytest.mark.parametrize("text", TEXTS)
def test_ids_types_and_words_are_those_of_training(text, truncation, most):
    [theirs] = tokenise(load_tokenizer(PATH, most, truncation), [text], "shape")
    tokens = Tokens(PATH, most, 2000, truncation=truncation, shapes=True, words=True)
    [ours] = tokens.encode([text])
    [bare] = Tokens(PATH, most, 2000, truncation=truncation).encode([text])

    assert ours.types is not None
    assert ours.words
    assert ours.ids == bare.ids == theirs.ids
    assert len(ours) <= most
    assert list(ours.types) == theirs.types
    assert list(zip(ours.words.starts, ours.words.ends, ours.words.places, strict=True)) == [
        tuple(word) for word in theirs.words
    ]


def test_head_and_tail_keeps_the_first_half_rounded_up_and_the_last_rest():
    assert head_and_tail(list(range(20)), 9) == [0, 1, 2, 3, 4, 16, 17, 18, 19]
    assert head_and_tail(list(range(9)), 9) == list(range(9))


def test_both_ends_of_a_long_text_are_read():
    text = "Profit rose. " + "filler " * 60 + "Outlook cut"
    whole = Tokens(PATH, 512, 2000).encode([text])[0].ids
    row = Tokens(PATH, 11, 2000, truncation="head_tail", words=True).encode([text])[0]

    assert row.words
    assert row.ids == whole[:6] + whole[-5:]
    assert [text[row.words.starts[0] : row.words.ends[0]], text[row.words.starts[-1] :]] == [
        "Profit",
        "cut",
    ]


def test_a_word_whose_beginning_is_cut_counts_from_its_first_piece_that_stays():
    text = "filler " * 60 + "electroencephalographically"
    [row] = Tokens(PATH, 8, 2000, truncation="head_tail", words=True).encode([text])

    assert row.words
    assert row.words.places[-1] == 4
    assert row.words.ends[-1] == len(text)
    assert row.words.starts[-1] > text.index("electro")
