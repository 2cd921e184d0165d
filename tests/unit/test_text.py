import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.text import compose, language_of, normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a\t b\r\n c ", "a b c"),
        ("a\x00b\x07c", "a b c"),
        ("see https://x.example/a?b=c now", "see now"),
        ("at WWW.example.com today", "at today"),
        ("e\u0301", "\u00e9"),
        ("zero\u200bwidth", "zerowidth"),
        ("no-break\u00a0space", "no-break space"),
        ("half \ud800 pair", "half pair"),
        ("\u3000", ""),
        ("", ""),
    ],
)
def test_normalise(text, expected):
    assert normalise(text, 1000) == expected


@pytest.mark.parametrize(
    ("title", "body", "expected"),
    [
        ("Title", "Body", "Title. Body"),
        ("Title!", "Body", "Title! Body"),
        ("", "Body", "Body"),
        ("Title", " \n", "Title"),
        ("", "", ""),
    ],
)
def test_compose(title, body, expected):
    assert compose(title, body, 100) == expected


@given(st.text(), st.text(), st.integers(1, 50))
def test_the_composed_text_is_bounded_and_stable(title, body, limit):
    text = compose(title, body, limit)

    assert len(text) <= limit
    assert "\n" not in text
    assert normalise(text, limit) == text.strip()


@pytest.mark.parametrize(
    ("tag", "text", "language"),
    [
        ("en-GB", "", "en"),
        ("ZH_hans", "", "zh"),
        ("", "plain", ""),
        ("", "caf\u00e9 society", ""),
        ("", "\u592e\u884c\u964d\u606f 25bp", "zh"),
        ("", "\u0426\u0411 \u0441\u043d\u0438\u0437\u0438\u043b", "ru"),
        ("", "\u20ac 12 \u2013 14", ""),
    ],
)
def test_language_of(tag, text, language):
    assert language_of(tag, text) == language
