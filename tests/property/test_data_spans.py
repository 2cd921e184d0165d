"""A stretch of the raw text is the same words in the text that the model reads."""

from hypothesis import given
from hypothesis import strategies as st

from groundswell.text import compose, normalise
from training.data.align import trace

ODD = (" ", "  ", "\n", "\t", "\x00", "\u200b", "\u00a0", "\u0301", "\u1100", "\u1161", "\u11a8")
JOINED = ("e\u0301", "\u09c7\u09be", "\u212b", "\u0344")
PIECES = st.sampled_from([*ODD, *JOINED, "a", "Oslo", "https://x.y/z", "www.a", "://", "."])
TEXTS = st.lists(PIECES | st.characters(exclude_categories=["Cs"]), max_size=20).map("".join)


@given(TEXTS, st.integers(0, 40))
def test_the_traced_text_is_the_normalised_one(raw, limit):
    traced = trace(raw, limit)

    assert traced.text == compose(raw, "", limit)
    assert len(traced.origins) == len(traced.text)
    assert list(traced.origins) == sorted(traced.origins)


@given(TEXTS, TEXTS, st.sampled_from(["Oslo", "Bank  of\nOslo", "E\u0301lan", "銀行"]))
def test_a_marked_word_is_found_again(before, after, name):
    raw = f"{before} {name} {after}"
    start = len(before) + 1

    place = trace(raw, 1000).place(start, start + len(name))

    assert place
    assert normalise(raw, 1000)[place[0] : place[1]] == normalise(name, 100)


@given(TEXTS, st.data())
def test_a_place_begins_and_ends_with_something_to_read(raw, data):
    start = data.draw(st.integers(0, len(raw)))
    traced = trace(raw, 1000)

    place = traced.place(start, data.draw(st.integers(start, len(raw))))

    if place:
        found = traced.text[place[0] : place[1]]
        assert found == found.strip() != ""


def test_nothing_is_placed_behind_the_limit_of_a_text_that_grew():
    raw = "\u0344" * 3 + "x"  # in NFC each of the three is two characters

    traced = trace(raw, 4)

    assert len(traced.text) == 4
    assert traced.place(3, 4) is None
