"""The words that spoke for a label: whole words, added up, without marks and little words."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consumers.news.labels import HEADS, Labelling, Labels
from groundswell.models.session import load
from groundswell.models.spoken import WORD_KEPT, WORDS_SHOWN, spoke_for
from groundswell.models.tokens import Tokens, Words
from tests.news_world import TINY
from tests.unit.test_tokens import WORD_PIECES

NEGATIVE, NEUTRAL, POSITIVE = range(3)


def encoded(text, most=128):
    [row] = Tokens(WORD_PIECES, most, 2000, words=True).encode([text])
    return row


def adds(row, spoken):
    """Say that the pieces of some words add to the negative logit, and nothing else to any."""
    made = np.zeros((len(row), 3), np.float32)
    words = row.words
    for first, stop, start, end in zip(
        words.places, [*words.places[1:], words.stop], words.starts, words.ends, strict=True
    ):
        made[first:stop, NEGATIVE] = spoken.get(words.text[start:end], 0.0) / (stop - first)
    return made


def labelled(model, texts):
    said = Labelling(model, "fraud").label(model.encode(texts))
    assert all(isinstance(labels, Labels) for labels in said)
    return [labels for labels in said if isinstance(labels, Labels)]


def test_pieces_of_a_word_are_added_up_and_the_strongest_stands_first():
    row = encoded("Quillfeather defaults, bondholders flee")
    said = adds(row, {"Quillfeather": 0.5, "defaults": 2.0, "bondholders": 1.0})

    assert len(row.words.places) < row.words.stop - 1  # some word has more than one piece
    assert spoke_for(NEGATIVE, said, row.words) == ("defaults", "bondholders", "Quillfeather")


def test_what_is_written_in_one_is_one_word_without_the_marks_around_it():
    row = encoded('Shares "plunge" 12.5%, second-quarter loss (again).')
    said = adds(row, {"plunge": 3.0, "12": 1.0, "5": 1.0, "quarter": 1.5, ")": 9.0, "loss": 1.0})

    assert spoke_for(NEGATIVE, said, row.words) == (
        "again",  # the mark behind it is written in one with it
        "plunge",
        "12.5%",
        "second-quarter",
        "loss",
    )


def test_a_word_that_stands_twice_counts_once_with_both():
    row = encoded("loss upon Loss upon default")
    said = adds(row, {"loss": 1.0, "Loss": 1.0, "default": 1.5})

    assert spoke_for(NEGATIVE, said, row.words) == ("loss", "default")


def test_a_word_speaks_by_what_it_adds_over_the_other_labels():
    row = encoded("heavy default")
    said = adds(row, {"heavy": 2.0, "default": 1.0})
    heavy, default = row.words.places
    said[heavy, [NEUTRAL, POSITIVE]] = 3.0, 3.0
    said[default, [NEUTRAL, POSITIVE]] = 0.5, -0.5

    assert spoke_for(NEGATIVE, said, row.words) == ("default",)


def test_special_tokens_and_little_words_say_nothing():
    row = encoded("the default of it")
    said = adds(row, {"the": 5.0, "of": 5.0, "default": 1.0})
    said[0], said[-1] = 100.0, 100.0
    said[[0, -1], POSITIVE] = 0.0

    assert spoke_for(NEGATIVE, said, row.words) == ("default",)


def test_scripts_without_spaces_keep_the_words_of_the_tokenizer():
    words = Words("违约暴跌", [1, 2], [0, 2], [2, 4], 3)
    said = np.array([[0, 0, 0], [2, 0, 0], [1, 0, 0], [0, 0, 0]], np.float32)

    assert spoke_for(NEGATIVE, said, words) == ("违约", "暴跌")


def test_what_is_not_finite_says_nothing():
    row = encoded("heavy default")
    said = adds(row, {"heavy": 1.0})
    said[2] = np.nan

    assert spoke_for(NEGATIVE, said, row.words) == ()
    assert spoke_for(NEGATIVE, said[:0], Words("", [], [], [], 0)) == ()


@given(st.text(max_size=300), st.integers(4, 128), st.integers(0, 2**32 - 1))
def test_words_are_few_short_distinct_and_stand_in_the_text(text, most, seed):
    row = encoded(text, most)
    said = np.random.default_rng(seed).normal(size=(len(row), 3)).astype(np.float32)

    words = spoke_for(NEGATIVE, said, row.words)

    assert len(words) <= WORDS_SHOWN
    assert all(0 < len(word) <= WORD_KEPT and word in row.words.text for word in words)
    assert len({word.casefold() for word in words}) == len(words)


def test_only_a_negative_tone_is_explained_and_only_where_the_graph_tells():
    texts = ["Norvane fraud probe", "Profit soars", "nothing at all"]
    model = load(TINY, threads=1, heads=HEADS, explain=True)
    tones = labelled(model, texts)
    silent = load(TINY, threads=1, heads=HEADS)

    assert [tone.sentiment.label for tone in tones] == ["negative", "positive", "neutral"]
    assert [tone.words for tone in tones] == [("fraud",), (), ()]
    assert {tone.words for tone in labelled(silent, texts)} == {()}


def test_where_a_batch_is_split_the_words_stay_with_their_text():
    model = load(TINY, threads=1, heads=HEADS, explain=True)
    rows = model.encode(["fraud", "Profit soars", "a long way to a probe"])
    together = Labelling(model, "fraud").label(rows)

    assert together == [Labelling(model, "fraud").label([row])[0] for row in rows]
