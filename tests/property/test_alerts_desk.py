"""Texts and moments of the desk: nothing that was crawled or typed steers a terminal or a sheet."""

import csv
import io
import json
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.records.desk.figures import again, figures
from consumers.records.desk.moments import iso, length, minute_of, moment_of, short, span_of
from consumers.records.desk.plain import cell, plain
from consumers.watch.core.effect import effect_of
from consumers.watch.core.evidence import Null, Span
from consumers.watch.core.parameters import Parameters
from groundswell.errors import InputError
from tests.desk_world import evidence

hostile = st.text(
    st.one_of(
        st.sampled_from("=+-@|%\t\r\n \x00\x07\x1b\x7f\x9b\u202e\u2066\u200b\u2028＝;,\"'[]"),
        st.characters(),
    ),
    max_size=60,
)


@given(hostile, st.integers(1, 80))
def test_a_plain_text_is_one_bounded_line_that_steers_nothing(text, limit):
    shown = plain(text, limit)

    assert len(shown) <= limit + 1
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert plain(shown, limit + 1) == shown


@given(hostile)
def test_no_cell_is_a_formula_and_each_survives_csv(text):
    made = cell(text)
    file = io.StringIO()
    csv.writer(file).writerow([made, 3])
    ((read, number),) = csv.reader(io.StringIO(file.getvalue()))

    assert (read, number) == (made, "3")
    assert made.lstrip()[:1] not in set("=+-@|%＝＋－＠")
    assert not set(made) & set("\t\r\n\x00")


@given(st.integers(-10, 10) | st.floats(allow_nan=False))
def test_numbers_stay_numbers(number):
    assert cell(number) is number


@given(st.integers(0, 4_000_000_000_000))
def test_a_moment_that_was_shown_is_read_again(at):
    assert moment_of("--since", iso(at), 0) == at // 1000 * 1000
    assert moment_of("--since", short(at), 0) == at // 60_000 * 60_000


@given(st.integers(0, 4_000_000_000_000))
def test_a_minute_does_not_begin_before_what_was_asked_for(at):
    text = datetime.fromtimestamp(at / 1000, UTC).isoformat()
    minute = minute_of("--since", text, 0)

    assert minute is not None
    assert 0 <= minute * 60_000 - at < 60_000 + 1  # a float of seconds is not exact to the ms


def test_spans_are_read_and_told():
    assert [span_of("--for", s) for s in ("90s", "2h", "7d", "1w")] == [
        90_000, 7_200_000, 604_800_000, 604_800_000,
    ]  # fmt: skip
    assert moment_of("--since", "2h", 10_000_000) == 2_800_000
    assert [length(n * 60_000) for n in (-1, 5, 65, 1500)] == [
        "0 min",
        "5 min",
        "1 h 5 min",
        "1 d 1 h",
    ]
    assert iso(10**16) == "9999-12-31T23:59:59Z"
    for bad in ("", "2", "h", "-2h", "2.5h", "9999999d"):
        with pytest.raises(InputError):
            span_of("--for", bad)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["effect", "stories", "title", "words", "budget", "tick",
                                         "parameters", "series", "members", "minute", "x"]),
                        inner, max_size=6), max_leaves=12))  # fmt: skip
def test_odd_evidence_is_read_without_an_error(value):
    found = figures(json.dumps(value).encode())

    for figure in again(found):
        assert len(figure.stored) == len(figure.computed) > 0
    for story in found.stories:
        assert all(isinstance(word, str) for word in story.spoke)


@given(st.integers(0, 500), st.floats(0, 500), st.integers(0, 500))
def test_every_figure_that_watch_writes_follows_from_what_stands_beside_it(
    observed, expected, rest
):
    span = Span(5, expected, observed, observed + rest)
    effect = effect_of(span, Null(0.1, 40.0, 0.25, 0.07, 0.2), Parameters())
    found = figures(evidence("topic:a", 5, effect=effect))

    computed = list(again(found))
    assert {figure.name for figure in computed} >= {"ratio", "ratio interval", "threshold"}
    assert all(figure.same for figure in computed)
