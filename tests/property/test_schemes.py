"""The laws of schemes: whole words, case and width folded, what has no spaces as a substring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.errors import InputError
from groundswell.events import Entity
from groundswell.schemes import TERMS, Lookout, Scheme, checked, prepared, words_of
from tests.count_world import opinion

WORDS = st.sampled_from(
    ["rates", "Rate", "café", "straße", "U.S.", "AT&T", "3%", "東京", "銀行", "ﬁx", "!", "Ａ"]
)
TEXTS = st.lists(WORDS, max_size=8).map(" ".join)
TERM = st.lists(WORDS, min_size=1, max_size=2).map(" ".join)
SCHEMES = st.builds(Scheme, *(st.lists(TERM, max_size=2).map(tuple),) * 3)


def matches(text, *, must=(), some=(), exclude=()):
    return Scheme(must, some, exclude).matches(prepared((text,)))


@given(TEXTS, SCHEMES)
def test_must_any_and_exclude_follow_from_single_terms(text, scheme):
    ready = prepared((text,))
    single = {t: matches(text, must=(t,)) for t in (*scheme.must, *scheme.any, *scheme.exclude)}

    assert scheme.matches(ready) == (
        all(single[t] for t in scheme.must)
        and (not scheme.any or any(single[t] for t in scheme.any))
        and not any(single[t] for t in scheme.exclude)
    )


@given(TEXTS, st.dictionaries(st.text(max_size=2), SCHEMES, max_size=6))
def test_many_schemes_together_match_as_each_does_alone(text, schemes):
    ready = prepared((text, "Rate of the bank"))
    alone = [name for name, scheme in schemes.items() if scheme.matches(ready)]
    assert Lookout(schemes).matching(ready) == alone


@given(TEXTS, TERM)
def test_case_and_width_change_nothing(text, term):
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    for other in (text.upper(), text.casefold(), wide):
        assert matches(other, must=(term,)) == matches(text, must=(term,))
    assert matches(text, must=(term.upper(),)) == matches(text, must=(term,))


@given(TEXTS, TEXTS, TERM)
def test_a_term_of_a_part_is_found_and_none_reaches_over_a_border(first, second, term):
    if matches(first, must=(term,)):
        assert matches(f"{first} {second}", must=(term,))
    apart = prepared((first, second))
    alone = matches(first, must=(term,)) or matches(second, must=(term,))
    assert Scheme(must=(term,)).matches(apart) == alone


@given(st.text(max_size=60), st.text(min_size=1, max_size=20))
def test_any_text_and_any_term_can_be_compared(text, term):
    matches(text, must=(term,))


@pytest.mark.parametrize(
    ("text", "term", "found"),
    [
        ("Rates rise", "rate", False),
        ("Rate rises", "RATE", True),
        ("A rate-rise looms", "rate rise", True),
        ("rate of rise", "rate rise", False),
        ("Ｒａｔｅ rises", "rate", True),
        ("東京電力が値上げ", "電力", True),
        ("iPhone苹果公司涨价", "苹果", True),
        ("iPhone苹果公司涨价", "iphone", True),
        ("iPhones", "iphone", False),
        ("Straße gesperrt", "STRASSE", True),
        ("don't panic", "panic", True),
        ("东京 电力", "东京电力", True),
    ],
)
def test_what_is_found(text, term, found):
    assert matches(text, must=(term,)) == found


def test_names_that_the_model_found_are_looked_at_each_on_its_own():
    entities = tuple(
        Entity(text=t, type="ORG", start=0, end=1) for t in ("Norvik AG", "Aldermoor Bank")
    )
    ready = words_of(opinion(0, entities=entities))
    assert Scheme(must=("aldermoor",)).matches(ready)
    assert not Scheme(must=("ag aldermoor",)).matches(ready)


@pytest.mark.parametrize(
    ("name", "scheme", "sentence"),
    [
        ("", Scheme(must=("a",)), "the name '' cannot be used"),
        ("a b/c", Scheme(must=("a",)), "cannot be used: take letters"),
        ("x" * 65, Scheme(must=("a",)), "at most 64"),
        ("a", Scheme(exclude=("b",)), "looks for nothing"),
        ("a", Scheme(must=("?!",)), "'\\?!' cannot be looked for"),
        ("a", Scheme(must=("x" * 65,)), "at most 64 characters"),
        ("a", Scheme(any=("a",) * (TERMS + 1)), "has 33 terms, at most 32"),
    ],
)
def test_a_scheme_that_cannot_be_used_is_refused(name, scheme, sentence):
    with pytest.raises(InputError, match=sentence):
        checked(name, scheme)


def test_names_of_schemes_are_folded():
    assert checked("  Oil Spill ", Scheme(must=("a",))) == "oil-spill"
    assert checked("石油", Scheme(any=("石油",))) == "石油"
