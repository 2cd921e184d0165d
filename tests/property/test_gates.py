"""The arithmetic of the gates, and what each gate must do whatever it is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.gates.core import files, labelled
from export.gates.core.blessing import bless, refusals
from export.gates.core.limits import Limits
from export.gates.core.measured import Beaten, Churn, Compared, Cost, Gold, Part, Sureness, Tried
from export.gates.core.statistics import holm, worse_p
from groundswell.models.bundle import File, Graph, Head, Verdict

LIMITS = Limits(licences=frozenset({"own"}))


def compared(**changes):
    settled = {
        "head": "sentiment",
        "metric": "macro-F1",
        "rows": 1000,
        "difference": 0.0,
        "low": 0.0,
        "error": 0.05,
        "better": 10,
        "worse": 10,
        "p": 1.0,
    }
    return Compared(**{**settled, **changes})


def tried(kind, tried, failures, *, whole=True):
    return Tried("h", "t", kind, whole, tried, failures)


# The gates.


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_a_better_bound_never_turns_a_pass_into_a_refusal(low, more):
    worse, better = sorted((low, more))
    first = labelled.champion(compared(low=worse), 1, LIMITS)
    second = labelled.champion(compared(low=better), 1, LIMITS)

    assert (first.passed, second.passed) != (True, False)
    assert first.passed == (worse >= -0.01)
    assert "a difference of" in first.reason
    assert first.figures["mcnemar_p"] == 1.0


@given(
    st.lists(st.tuples(st.integers(50, 400), st.integers(0, 50), st.integers(0, 50)), max_size=6)
)
def test_slices_refuse_only_what_is_far_down_and_surely_so(drawn):
    parts = [Part("h", str(n), *part) for n, part in enumerate(drawn)]
    verdict = labelled.slices(parts, LIMITS)

    if not parts:
        assert verdict.passed is None
        return
    sure = holm({part.name: worse_p(part.better, part.worse) for part in parts})
    far = [p for p in parts if (p.better - p.worse) / p.rows < -0.03 and sure[p.name] <= 0.05]
    assert verdict.passed == (not far)


def test_a_small_slice_is_not_judged():
    assert labelled.slices([Part("h", "s", 49, 0, 49)], LIMITS).passed is None
    assert labelled.slices([Part("h", "s", 50, 0, 50)], LIMITS).passed is False


def test_each_gate_on_both_sides_of_its_threshold():
    asked = [
        (labelled.licences({"a": "own"}, LIMITS), True),
        (labelled.licences({"a": "own", "b": "CC-BY-NC-4.0"}, LIMITS), False),
        (labelled.leakage([Gold("h", 9, {"a": 9}, 0)]), True),
        (labelled.leakage([Gold("h", 9, {"a": 9}, 1)]), False),
        (labelled.leakage([Gold("h", 9, {"a": 9}, None)]), None),
        (labelled.labels([Gold("h", 30, {"a": 20, "b": 10}, 0)], LIMITS), True),
        (labelled.labels([Gold("h", 30, {"a": 21, "b": 9}, 0)], LIMITS), False),
        (labelled.baseline(Beaten("h", 99, 0.71, 0.70)), True),
        (labelled.baseline(Beaten("h", 99, 0.70, 0.70)), False),
        (labelled.baseline(Beaten("h", 99, 1.0, 1.0)), True),
        (labelled.champion(compared(low=-0.01), 1, LIMITS), True),
        (labelled.champion(compared(low=-0.011), 1, LIMITS), False),
        (labelled.champion(compared(low=float("nan")), 1, LIMITS), False),
        (labelled.churn(Churn("h", 100, 8, "texts"), LIMITS), True),
        (labelled.churn(Churn("h", 100, 9, "texts"), LIMITS), False),
        (labelled.calibration(Sureness("h", 99, 0.09, None), LIMITS), True),
        (labelled.calibration(Sureness("h", 99, 0.11, None), LIMITS), False),
        (labelled.calibration(Sureness("h", 99, 0.11, 0.09), LIMITS), False),
        (labelled.calibration(Sureness("h", 99, 0.135, 0.12), LIMITS), True),
        (labelled.calibration(Sureness("h", 99, 0.145, 0.12), LIMITS), False),
        (labelled.calibration(Sureness("h", 99, 0.05, 0.02), LIMITS), False),
        (labelled.invariance([tried("invariance", 300, 6)], None, LIMITS), True),
        (labelled.invariance([tried("invariance", 300, 20)], None, LIMITS), False),
        (labelled.invariance([tried("invariance", 300, 90, whole=False)], None, LIMITS), None),
        (labelled.directions([tried("direction", 99, 50)], None, LIMITS), None),
        (files.parity({"texts": 300.0, "h": 9e-5}, LIMITS), True),
        (files.parity({"texts": 300.0, "h": 2e-4}, LIMITS), False),
        (files.parity({"h": float("nan")}, LIMITS), False),
        (files.parity({}, LIMITS), False),
        (files.latency(Cost(5.0, 1.0), None, LIMITS), None),
        (files.latency(Cost(5.0, 1.0), Cost(4.0, 1.0), LIMITS), True),
        (files.latency(Cost(6.1, 1.0), Cost(4.0, 1.0), LIMITS), False),
        (files.latency(Cost(5.0, 1.0), None, Limits(milliseconds=4.9)), False),
        (files.memory(Cost(5.0, 150.0), Cost(4.0, 100.0), LIMITS), True),
        (files.memory(Cost(5.0, 151.0), Cost(4.0, 100.0), LIMITS), False),
        (files.memory(Cost(5.0, None), Cost(4.0, 100.0), LIMITS), None),
        (files.clean(""), True),
        (files.clean("it does not load"), False),
    ]

    assert [verdict.passed for verdict, _ in asked] == [passed for _, passed in asked]
    assert all(verdict.reason for verdict, _ in asked)


def test_what_the_champion_does_as_often_is_not_held_against_its_successor():
    champion = [tried("invariance", 300, 22)]

    for flips, passed in ((22, True), (60, False)):
        verdict = labelled.invariance([tried("invariance", 300, flips)], champion, LIMITS)
        assert verdict.passed is passed
        assert verdict.threshold == pytest.approx(22 / 300, abs=1e-6)


def test_a_head_that_follows_changed_words_less_often_than_the_champion_is_refused():
    champion = [tried("direction", 200, 55)]

    assert labelled.directions([tried("direction", 200, 60)], champion, LIMITS).passed is True
    assert labelled.directions([tried("direction", 200, 110)], champion, LIMITS).passed is False
    assert labelled.directions([], champion, LIMITS).passed is None


GRAPH = Graph(
    file=File(path="m.onnx", bytes=1, sha256="0" * 64),
    precision="int8",
    verified=True,
    note="the heads in fp32",
)
HEADS = (
    Head(name="topic", labels=("a", "b")),
    Head(name="names", kind="tokens", labels=("O", "B-X", "I-X")),
)


@pytest.mark.parametrize(
    ("topic", "names", "held", "passed"),
    [
        ((0.985, 0.015), 0.95, ("topic", "names"), True),
        ((0.984, 0.001), 0.95, ("topic", "names"), False),
        ((0.999, 0.016), 0.95, ("topic", "names"), False),
        ((0.999, 0.001), 0.94, ("topic", "names"), False),
        ((0.9, 0.1), 0.95, ("names",), True),
    ],
)
def test_a_quantised_file_is_held_to_fp32(topic, names, held, passed):
    measured = {
        "topic": {"agreement": topic[0], "mean_abs_dp": topic[1]},
        "names": {"agreement": 0.9, "mean_abs_dp": 0.1, "entity_f1": names},
    }

    verdict = files.quantised(GRAPH, measured, HEADS, held, LIMITS)

    assert verdict.passed is passed
    assert not passed or (verdict.figure or 0.0) >= (verdict.threshold or 1.0)
    assert "the heads in fp32" in verdict.reason
    assert files.quantised(GRAPH, {}, HEADS, held, LIMITS).passed is False


@given(st.lists(st.sampled_from([True, False, None]), max_size=6))
def test_a_blessing_needs_a_pass_no_refusal_and_says_what_was_not_asked(said):
    verdicts = [Verdict(name=str(n), passed=passed, reason="r") for n, passed in enumerate(said)]

    blessing = bless(verdicts, at="t", by="b", champion="c", gold="g", look=3)

    assert (blessing is not None) == (False not in said and True in said)
    assert len(refusals(verdicts)) == said.count(False)
    if blessing:
        assert blessing.unchecked == tuple(v.name for v in verdicts if v.passed is None)
        assert (blessing.champion, blessing.gold, blessing.look) == ("c", "g", 3)
