"""The parts of `make bench-detect` that decide a figure: rules of scoring, thresholds, streams, tables."""

import json
import math

import msgspec
import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra `train`")

from consumers.watch.core.evidence import Seen
from consumers.watch.detect_input import read_items
from groundswell.events import Opinion, decode_log
from tests.bench.detect import compare, delays, generator, headlines, sequential, tables, windows
from tests.bench.detect.generator import DAY, LEARN, Surge
from tests.bench.detect.live import FIRST, LATENESS, VOLUMES, _folded, _items, _meant, _records
from tests.bench.detect.nab import PROFILES, Labelled, normalised, probation, raw, sigmoid
from tests.bench.detect.scoring import GRACE, rate, score, starts

FILE = Labelled(10_000, ((2000, 2099), (5000, 5499)))
STANDARD = PROFILES["standard"]


def test_nab_gives_100_to_the_first_records_and_0_to_silence():
    assert normalised([[2000, 5000]], [FILE], STANDARD) == pytest.approx(100)
    for profile in PROFILES.values():
        assert normalised([[]], [FILE], profile) == 0


def test_nab_takes_the_first_detection_of_a_window_alone():
    assert raw([2000], FILE, STANDARD) == raw([2000, 2050, 2099], FILE, STANDARD)
    late = raw([2099], FILE, STANDARD) - raw([], FILE, STANDARD)
    assert late == pytest.approx(1 + sigmoid(-1 / 100) / sigmoid(-1))


def test_nab_makes_a_false_one_cost_more_the_farther_it_is():
    base = raw([2000], FILE, STANDARD)
    near, far, before = (raw([2000, r], FILE, STANDARD) - base for r in (2105, 2900, 1900))
    assert 0 > near > far
    assert far == before == -STANDARD.false
    assert near == pytest.approx(STANDARD.false * sigmoid(6 / 99))


def test_nab_does_not_score_the_first_part():
    assert probation(10_000) == 750
    assert probation(1000) == 150
    assert raw([0, 749], FILE, STANDARD) == raw([], FILE, STANDARD)


def test_misses_count_double_where_misses_matter():
    assert raw([], FILE, PROFILES["low FN"]) == 2 * raw([], FILE, STANDARD)


def test_an_alarm_counts_once_and_only_where_it_begins():
    first = LEARN * DAY
    surges = [Surge(0, "×5", first + 100, first + 300), Surge(1, "×5", first + 100, first + 300)]
    alarms = [
        (0, first + 99),
        (0, first + 149),
        (0, first + 200),
        (0, first + 299 + GRACE),
        (0, first + 300 + GRACE),
        (1, first - 1),
    ]
    scored = score(alarms, surges, 2)
    assert scored.delays.tolist() == [50, math.inf]
    assert scored.false.tolist() == [2, 0]


def test_exceedances_within_two_hours_are_one_alarm():
    exceeds = np.zeros((1000, 2), bool)
    exceeds[[10, 11, 131, 252], 0] = True
    exceeds[999, 1] = True
    assert starts(exceeds) == [(0, 10), (0, 252), (1, 999)]


def test_the_interval_of_a_rate_is_exact():
    none = rate(0, 100.0)
    assert none.low == 0
    assert none.high == pytest.approx(-math.log(0.025) / 100)
    some = rate(10, 100.0)
    assert (some.low, some.high) == pytest.approx((0.04795, 0.18390), abs=1e-4)


def test_injected_surges_are_what_they_say():
    usual = generator.Usual(
        np.full((LEARN * DAY + 500, 2), 0.5), np.full((LEARN * DAY + 500, 2), 0.2), VOLUMES[:2],
        np.array([0, 0]),
    )  # fmt: skip
    start = LEARN * DAY
    surges = [Surge(0, "×5", start, start + 200), Surge(1, "share", start, start + 200)]
    mean, share, *_ = generator.inject(usual, surges)
    negative, other = mean * share, mean * (1 - share)
    assert negative[start, 0] == pytest.approx(5 * 0.1)
    assert other[start, 0] == pytest.approx(0.4)
    assert mean[start, 1] == 0.5
    assert share[start, 1] / (1 - share[start, 1]) == pytest.approx(3 * 0.25)
    assert mean[start + 200].tolist() == [0.5, 0.5]


def test_the_drift_is_as_wide_as_it_says():
    drift = generator._ar(np.random.default_rng(1), 60 * 24 * 400, 20)
    assert drift[::60].std() == pytest.approx(1, abs=0.05)
    lagged = np.corrcoef(drift[:-720:60].ravel(), drift[720::60].ravel())[0, 1]
    assert lagged == pytest.approx(0.5, abs=0.05)


def given(negative, expected):
    ones = np.ones_like(expected)
    return windows.Given(
        negative, negative * 5, expected, ones * 0.2, ones * 8, np.zeros(1, np.float32)
    )


def test_every_comparator_sees_a_large_surge():
    rng = np.random.default_rng(3)
    expected = np.full((4 * DAY, 1), 0.5, np.float32)
    surge = slice(3 * DAY, 3 * DAY + 300)
    negative = rng.poisson(expected).astype(np.float32)
    negative[surge] += rng.poisson(4.0, (300, 1))
    seen = given(negative, expected)
    scores = [s for f, _, s in windows.windowed(seen) if f != "fixed share"]
    for one in [*scores, sequential.two_states(seen, 3.0)]:
        assert 3 * DAY <= int(one.argmax()) < 3 * DAY + 480
    assert 3 * DAY // 15 <= int(sequential.bocpd(seen).argmax()) <= 3 * DAY // 15 + 24
    found = sequential.restarting(sequential.cusum(seen, 3.0), (20.0,))[0]
    assert found
    assert all(3 * DAY <= row < 3 * DAY + 480 for _, row in found)


def test_an_alarm_begins_a_cusum_anew():
    gains = np.array([[1], [1], [1], [-5], [1]] * 60, np.float32)
    found = sequential.restarting(gains, (3.0, 100.0))
    assert found[0][0] == (0, 2)
    assert found[1] == []


def test_what_is_folded_is_what_was_meant():
    rng = np.random.default_rng(5)
    rows = 600
    mean = np.tile(VOLUMES / 60, (rows, 1))
    usual = generator.Usual(mean, np.full(mean.shape, 0.2), VOLUMES, np.zeros(len(VOLUMES), int))
    items = _items(rng, generator.draw(rng, usual))
    folded = _folded(items, rows, merged=True)
    originals = type(items)(*(values[~items.copy] for values in items))
    meant = _meant(originals, rows)
    for field in ("negative", "stories", "late_negative", "late"):
        assert (getattr(folded, field) == getattr(meant, field)).all()
    assert items.copy.any()
    assert folded.late is not None
    assert folded.late.any()


def test_a_file_says_what_the_live_counts_hold(tmp_path):
    rng = np.random.default_rng(6)
    rows = 400
    mean = np.tile(VOLUMES / 60, (rows, 1))
    usual = generator.Usual(mean, np.full(mean.shape, 0.2), VOLUMES, np.zeros(len(VOLUMES), int))
    items = _items(rng, generator.draw(rng, usual))
    file = tmp_path / "items.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for record in _records(items, merged=True):
            told = decode_log(record.value or b"")
            if isinstance(told, Opinion):
                row = msgspec.to_builtins(told) | {"topics": [t.label for t in told.topics]}
                out.write(json.dumps(row) + "\n")
    given = read_items(file, 1, "topic", (), LATENESS // 1000)
    folded = _folded(items, rows, merged=True)
    assert folded.late is not None
    assert folded.late_negative is not None
    compared = 0
    for row in range(rows):
        for series in range(len(VOLUMES)):
            seen = given.seen.get(FIRST + row, {}).get(f"topic:{series}", Seen(0, 0))
            assert seen[:4] == (
                folded.negative[row, series],
                folded.stories[row, series],
                folded.late_negative[row, series],
                folded.late[row, series],
            )
            compared += seen.stories + seen.late
    assert compared > 1000


def test_hindsight_chooses_within_the_rate():
    def tried(variant, false, recall):
        return compare.Tried("z", variant, 1.0, false, 300.0, recall, [recall], [], {}, 5.0)

    best = compare.best([tried("a", 10, 0.4), tried("b", 11, 0.9), tried("c", 3, 0.3)], 1 / 30)
    assert best["z"].variant == "a"


def test_the_floor_falls_with_volume_and_ratio():
    assert delays.floor(10, 5.0) == pytest.approx(64.3, abs=0.1)
    sooner = [delays.floor(30, 10.0), delays.floor(30, 5.0), delays.floor(10, 5.0)]
    assert sooner == sorted(sooner, key=lambda minutes: minutes or math.inf)


def test_the_list_of_events_is_in_order():
    listed = msgspec.json.decode(headlines.EVENTS.read_bytes(), type=headlines.Events)
    assert all(event.first <= event.last for event in listed.events)
    assert all(event.topics or event.match for event in listed.events)
    musts = [event for event in listed.events if event.must]
    assert len(musts) == 3


def test_a_rate_above_the_budget_is_marked():
    assert "above" in tables.shown(rate(10, 100.0))
    assert "above" not in tables.shown(rate(1, 100.0))
