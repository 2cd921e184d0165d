"""Slices, changed texts and deleted words: what is asked of the model, and how its answers are judged."""

import numpy as np
import pytest

from groundswell.tasks import Direction, Function, Label
from training.data.neighbours import clusters
from training.evaluation.behaviour import Change, as_read, directed, outcome, replace_words, varied
from training.evaluation.bootstrap import Estimate
from training.evaluation.faithfulness import DRAWS, deletions, faithfulness, without
from training.evaluation.judged import judge_single
from training.evaluation.leakage import near_to
from training.evaluation.names import COMPANIES, swap_names
from training.evaluation.sections import _rate
from training.evaluation.slices import negated, slices_of, value_of
from training.evaluation.tables import quoted, ranged, short, signed, table
from training.examples import Example, Span

DOWN = Direction(
    name="down", given="good", replace={"rose": "fell", "Profit": "loss"}, expect="bad"
)


def example(text, **fields):
    return Example(id=text, text=text, truths=(0,), fields=fields)


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Sales rose.", {"rose": "fell"}, "Sales fell."),
        ("ROSE a bit; Rose again", {"rose": "fell"}, "FELL a bit; Fell again"),
        ("Primrose rosewood", {"rose": "fell"}, None),
        ("They did not win it", {"not": ""}, "They did win it"),
        ("Not now", {"not": ""}, "now"),
        ("It won big", {"won": "did not win"}, "It did not win big"),
        (
            "loss-making and loss",
            {"loss": "gain", "loss-making": "profitable"},
            "profitable and gain",
        ),
        ("股价上涨三成", {"上涨": "下跌"}, "股价下跌三成"),
        ("a [rose] (b)", {"rose": "fell"}, "a [fell] (b)"),
    ],
)
def test_whole_words_are_replaced_and_capitals_kept(text, words, expected):
    assert replace_words(text, words) == expected


def test_a_direction_changes_only_texts_with_its_label_and_its_words():
    texts = ["shares rose", "shares rose", "nothing"]

    assert directed(DOWN, texts, ["good", "bad", "good"]) == [Change(0, "shares fell")]


def test_a_direction_fails_unless_the_expected_label_comes():
    changes = [Change(n, f"{n}") for n in range(3)]
    before = ["good"] * 3

    found = outcome(DOWN, changes, ["x", "y", "z"], ["a", "b", "c"], before, ["bad", "odd", "good"])

    assert (found.tried, found.flips, found.failures, found.same) == (3, 2, 2, 0)
    assert [f.label_after for f in found.examples] == ["odd", "good"]


def test_a_direction_without_an_expected_label_takes_any_other():
    test = Direction(name="down", given="good", replace={"a": "b"})

    found = outcome(
        test,
        [Change(0, "b"), Change(1, "b")],
        ["b", "b"],
        ["a", "a"],
        ["good"] * 2,
        ["odd", "good"],
    )

    assert (found.failures, found.expected) == (1, "not good")


def test_an_invariance_fails_with_each_flip():
    found = outcome("upper_case", [Change(1, "B")], ["B"], ["a", "b"], ["good", "bad"], ["good"])

    assert (found.flips, found.failures, found.failure_rate.value) == (1, 1, 1.0)


def test_an_added_link_reads_the_same():
    changes = varied("add_url", ["shares rose"], None)

    assert as_read(changes, 500) == ["shares rose"]
    assert varied("upper_case", ["ABC", "abc"], None) == [Change(1, "ABC")]


def test_names_are_swapped_alike_and_institutions_stay():
    text = "Acme sued the Federal Reserve; Acme won against Bob Ray"
    spans = [Span(0, 4, "ORG"), Span(14, 29, "ORG"), Span(31, 35, "ORG"), Span(48, 55, "PER")]

    companies = swap_names(text, spans, "company_names")
    persons = swap_names(text, spans, "person_names")

    assert companies
    assert "Acme" not in companies
    assert "Federal Reserve" in companies
    assert "Bob Ray" in companies
    name = companies.partition(" sued")[0]
    assert name in COMPANIES
    assert companies.count(name) == 2
    assert persons
    assert persons.startswith("Acme sued")
    assert "Bob Ray" not in persons
    assert swap_names("nobody", [], "person_names") is None


def test_words_are_deleted_by_their_weight():
    text = "profit rose five percent today"
    words = [(0, 6), (7, 11), (12, 16), (17, 24), (25, 30)]

    found = deletions([text], [words], [np.array([0.1, 2.0, 0.0, -1.0, 0.3])])

    assert found[0].top == "profit five percent today"
    assert len(found[0].random) == DRAWS
    assert {len(left.split()) for left in found[0].random} == {4}
    assert deletions(["a b"], [[(0, 1), (2, 3)]], [np.ones(2)]) == []
    assert without(text, words, set(range(5))) == ""


def test_faithfulness_is_the_fall_against_chance():
    before, top = np.full(40, 0.9), np.full(40, 0.5)

    found = faithfulness(before, top, np.full((40, DRAWS), 0.8))

    assert found.top.value == pytest.approx(0.4)
    assert found.random.value == pytest.approx(0.1)
    assert found.difference.low == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It did not rise", True),
        ("Fed won't cut", True),
        ("a notable knot", False),
        ("并未上涨", True),
    ],
)
def test_negation_is_seen(text, expected):
    assert negated(text) is expected


def test_a_field_of_the_row_comes_before_what_is_computed():
    assert value_of("language", example("x", language="de")) == "de"
    assert value_of("language", example("股价上涨")) == "zh"
    assert value_of("length", example("short")) == "up to 60 characters"
    assert value_of("numbers", example("up 5 %")) == "yes"
    assert value_of("channel", example("x")) is None


def test_slices_count_each_row_once_and_name_what_is_left_out():
    levels = [100, 50, 100, None, 66]
    rows = [example(f"text {n}", agreement=level) for n, level in enumerate(levels)]
    function = Function(
        name="tone",
        version=1,
        description="d",
        field="tone",
        labels=(Label(name="a", description="d"), Label(name="b", description="d")),
    )
    judged = judge_single(np.array([0, 1, 0, 1, 1]), np.array([0, 0, 0, 1, 0]), "ab")

    found = slices_of(function, rows, judged)

    kept = [(s.value, s.rows, s.accuracy.value) for s in found.slices if s.by == "agreement"]
    assert kept == [
        ("50", 1, 0.0),
        ("66", 1, 0.0),
        ("100", 2, 1.0),
        ("at least 66", 3, pytest.approx(2 / 3)),
    ]
    assert found.left_out == {"agreement": 1}
    assert "length" not in {s.by for s in found.slices}  # all rows are alike in it


def test_figures_read_as_in_print():
    figure = Estimate(0.8124, 0.7, 1.0)

    assert ranged(figure) == ".812 [.700, 1.000]"
    assert signed(Estimate(0.052, -0.01, 0.1)) == "+5.2 [-1.0, +10.0]"
    assert short(-0.25) == "-.250"
    assert table(["a|b"], [["c"]]) == ["| a&#124;b |", "| --- |", "| c |"]
    assert quoted("a`b" + "c" * 300).endswith("…`")


def test_a_near_duplicate_is_near_itself_and_not_through_others():
    letters = "abcdefghijkl"
    chain = [" ".join(letters[start : start + 8]) for start in range(5)]

    assert clusters(chain) == [0] * 5
    assert near_to([chain[0]], chain).tolist() == [True, True, True, False, False]
    assert near_to(["Sales rose 5 %"], ["Sales rose 7 %", "Nothing here"]).tolist() == [True, False]
    assert near_to([], ["a"]).tolist() == [False]


@pytest.mark.parametrize("name", ["MSCI", "NYSE", "$ZRQP", "S&P 500", "恒生指数"])
def test_exchanges_indices_and_cashtags_are_no_names_of_companies(name):
    text = f"Norrby rose while {name} fell"
    at = text.index(name)
    spans = [Span(0, 6, "ORG"), Span(at, at + len(name), "ORG")]

    changed = swap_names(text, spans, "company_names")

    assert changed is not None
    assert changed.endswith(f" rose while {name} fell")
    assert not changed.startswith("Norrby ")
    assert swap_names(text, spans[1:], "company_names") is None


def test_a_cashtag_is_known_by_the_sign_before_it():
    assert swap_names("$ZRQP up", [Span(1, 5, "ORG")], "company_names") is None


@pytest.mark.parametrize(("read", "shown"), [("a", "–"), ("A", "0")])
def test_there_is_no_rate_where_every_text_reads_the_same(read, shown):
    found = outcome("upper_case", [Change(0, "A")], [read], ["a"], ["good"], ["good"])

    assert _rate(found, found.flip_rate).startswith(shown)
