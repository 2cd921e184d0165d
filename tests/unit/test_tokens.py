from pathlib import Path

import pytest

from groundswell.models import tokens
from groundswell.models.tokens import Tokens
from groundswell.shape import DIGITS, LOWER, MIXED, OTHER, TITLE, UPPER

WORD_PIECES = Path(__file__).parents[2] / "deploy" / "models" / "default" / "tokenizer.json"


def encoded(text, most=128, **wanted):
    [row] = Tokens(WORD_PIECES, most, 2000, **wanted).encode([text])
    return row


def words(row):
    return [
        row.words.text[start:end]
        for start, end in zip(row.words.starts, row.words.ends, strict=True)
    ]


def test_every_piece_of_a_word_has_its_shape_and_special_tokens_none():
    row = encoded("Halvorsen's iPhone rose 4pc, ECB said", shapes=True, words=True)
    shapes = {
        word: set(row.types[place:stop])
        for word, place, stop in zip(
            words(row), row.words.places, [*row.words.places[1:], len(row) - 1], strict=True
        )
    }

    assert shapes == {
        "Halvorsen": {TITLE},
        "'": {OTHER},
        "s": {LOWER},
        "iPhone": {MIXED},
        "rose": {LOWER},
        "4pc": {DIGITS},
        ",": {OTHER},
        "ECB": {UPPER},
        "said": {LOWER},
    }
    assert len(row.types) == len(row)
    assert row.types[0] == row.types[-1] == OTHER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Crédit Agricole hat Ärger", ["Crédit", "Agricole", "hat", "Ärger"]),
        ("比特币 up", ["比", "特", "币", "up"]),
        ("\U0001f680 $GME, not-so-fast", ["\U0001f680", "$", "GME", ",", "not", "-", "so", "-", "fast"]),
        ("", []),
    ],
)  # fmt: skip
def test_words_are_found_where_they_stand_in_the_text(text, expected):
    assert words(encoded(text, words=True)) == expected


def test_words_beyond_the_limit_are_not_there():
    row = encoded("profit " * 50, most=10, words=True)

    assert len(row) == 10
    assert row.words.places == list(range(1, 9))


def test_a_model_that_needs_neither_gets_neither():
    plain = encoded("Halvorsen rises")

    assert plain.types is None
    assert plain.words is None
    assert plain.ids == encoded("Halvorsen rises", shapes=True, words=True).ids


def test_forgetting_shapes_changes_none(monkeypatch):
    texts = ["Halvorsen rises", "ECB falls 3%", "Halvorsen falls"]
    expected = [row.types for row in Tokens(WORD_PIECES, 64, 512, shapes=True).encode(texts)]
    monkeypatch.setattr(tokens, "MOST_SHAPES", 2)
    few = Tokens(WORD_PIECES, 64, 512, shapes=True)

    assert [row.types for row in few.encode(texts)] == expected
    assert len(few._local.shapes) <= 2
