"""What a shelf keeps is a function of its lines, bounded, and what an alert shows of an hour is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.counts.core.lines import decode_line, encode_line, line_of
from consumers.counts.core.shelf import COPIES, STORIES, Keeping, kept
from tests.count_world import T0, opinion

RULES = (Keeping(2, ((2, 3), (5, 2), (9, 1))), Keeping(3, ((4, 1),)), Keeping(1, ()))
entry = st.tuples(st.integers(100, 130), st.binary(min_size=1, max_size=2))
entries = st.lists(entry, max_size=60)


@given(entries, entries, st.sampled_from(RULES))
def test_it_does_not_depend_on_how_lines_come(first, second, rule):
    assert kept((*kept(first, rule), *second), rule) == kept((*first, *second), rule)
    assert kept(reversed(first), rule) == kept(first, rule)


@given(entries, st.sampled_from(RULES))
def test_it_is_bounded_and_holds_the_newest_and_the_surest_of_a_minute(lines, rule):
    found = kept(lines, rule)

    assert len(found) <= rule.most
    assert list(found) == sorted(set(found))
    assert set(sorted(set(lines))[-rule.newest :]) <= set(found)
    for minute in {at for at, _ in lines}:
        of_it = sorted({e for e in lines if e[0] == minute})
        few = rule.of_a_minute(max(at for at, _ in lines) - minute)
        assert set(of_it[len(of_it) - min(few, len(of_it)) :]) <= set(found)


@given(st.lists(st.tuples(st.integers(0, 59), st.floats(0, 1)), min_size=1, max_size=400))
def test_within_an_hour_the_five_surest_of_any_stretch_are_kept(stories):
    lines = [
        line_of(opinion(n, at=T0, negative=p), 1000 + at, (0, n), late=False, new=True)
        for n, (at, p) in enumerate(stories)
    ]
    found = [decode_line(e) for _, e in kept(map(encode_line, lines), STORIES)]

    def surest(of, first, last):
        shown = [line for line in of if first <= line.minute <= last]
        return sorted(shown, key=lambda s: (-s.probabilities[0], s.arrived, -s.offset))[:5]

    newest = max(line.minute for line in lines)
    for first, last in ((newest - 59, newest - 40), (newest - 30, newest - 29), (0, newest)):
        kept_of, all_of = surest(found, first, last), surest(lines, first, last)
        assert [k.probabilities for k in kept_of] == [a.probabilities for a in all_of]


@pytest.mark.parametrize("rule", [STORIES, COPIES])
def test_what_is_stated_of_a_shelf(rule):
    assert {STORIES: (950, 1187), COPIES: (170, 212)}[rule] == (rule.most, rule.allowed)
