import math
import random

import msgspec
import pytest

from consumers.watch.core import baseline as b
from consumers.watch.core import season
from consumers.watch.core.baseline import Open, Shadow
from consumers.watch.core.evidence import Seen
from consumers.watch.core.parameters import Parameters, cell_of, cells
from tests.watch_world import poisson

PARAMETERS = Parameters()
COMMON = season.common(season.no_pool(PARAMETERS), PARAMETERS)


def learnt(hours, negative=lambda _: 4, stories=20, common=COMMON, parameters=PARAMETERS):
    baseline = b.unlearnt(parameters)
    for hour in range(hours):
        expected = b.expected_in(baseline, hour, common, parameters)
        k = negative(hour)
        known = baseline.periods >= parameters.unlearnt
        held = Open(hour, 60, k, stories, expected=expected if known else 0.0)
        baseline, _ = b.closed(baseline, held, common, parameters)
    return baseline


def null(baseline, hour=0, *, doubled=False):
    return b.null_of(baseline, hour, COMMON, PARAMETERS, doubled=doubled)


def test_cells_follow_the_week_from_monday_on():
    assert (cells(60), cells(1440), cells(7 * 1440), cells(60 * 13)) == (168, 7, 1, 1)
    monday = 4 * 24  # 5 January 1970
    assert cell_of(monday, 60) == 0
    assert cell_of(monday + 25, 60) == 25
    assert cell_of(4, 1440) == 0


def test_nothing_is_usual_in_the_first_day_and_margins_are_double_in_the_first_week():
    assert null(learnt(23)) is None
    young, old = null(learnt(100)), null(learnt(200))

    assert young.mean == pytest.approx(young.expected * 1.6)
    assert old.mean == pytest.approx(old.expected * 1.3)
    assert young.share == pytest.approx(young.usual * 1.4)
    assert old.share == pytest.approx(old.usual * 1.2)
    assert null(learnt(200), doubled=True).mean == pytest.approx(old.expected * 1.6)


def test_level_and_share_are_learnt():
    usual = null(learnt(24 * 21))

    assert usual.expected * 60 == pytest.approx(4, rel=0.02)
    assert usual.usual == pytest.approx(0.2, rel=0.01)


def test_the_hours_of_the_week_are_learnt():
    night = lambda hour: 1 if hour % 24 < 12 else 9  # noqa: E731
    baseline = learnt(24 * 7 * 8, night)

    by_night, by_day = (b.expected_in(baseline, h, COMMON, PARAMETERS) for h in (3, 15))
    assert 1.0 < by_night < 3.5
    assert 6.0 < by_day < 9.5


def test_a_new_series_leans_on_the_season_of_all():
    pool = season.no_pool(PARAMETERS)
    for hour in range(24 * 7 * 6):
        ratio = 0.2 if hour % 24 < 12 else 1.8
        share = season.Share(cell_of(hour, 60), ratio, 0.9, 2, 10)
        pool = season.added(pool, [share] * 10, PARAMETERS)
    common = season.common(pool, PARAMETERS)
    baseline = learnt(24 * 3, lambda hour: 1 if hour % 24 < 12 else 9, common=common)

    assert b.expected_in(baseline, 3, common, PARAMETERS) < 2.5
    assert b.expected_in(baseline, 15, common, PARAMETERS) > 7.5


def test_the_pool_does_not_depend_on_the_order_of_the_series():
    shares = [season.Share(n % 168, 1 / (n + 1), 0.1 * n, n, 3 * n) for n in range(40)]
    pools = {
        season.added(season.no_pool(PARAMETERS), s, PARAMETERS) for s in (shares, shares[::-1])
    }

    assert len(pools) == 1


def test_a_surge_lifts_the_level_little():
    calm, hit = learnt(24 * 21), learnt(24 * 21, lambda hour: 400 if hour == 24 * 20 else 4)

    assert null(hit).expected < null(calm).expected * 1.05


def test_a_lasting_change_becomes_usual():
    baseline = learnt(24 * 60, lambda hour: 4 if hour < 24 * 20 else 8)

    assert null(baseline).expected * 60 > 6


def test_frozen_and_empty_periods_teach_nothing():
    before = learnt(50)

    for held in (Open(50, 60, 90, 90, expected=4.0, frozen=True), Open(50)):
        assert b.closed(before, held, COMMON, PARAMETERS) == (before, None)


def test_half_a_period_counts_as_half():
    whole = learnt(300)
    half, _ = b.closed(whole, Open(300, 30, 2, 10, expected=2.0), COMMON, PARAMETERS)

    assert null(half).expected == pytest.approx(null(whole).expected, rel=0.01)


@pytest.mark.parametrize("size", [2.0, 8.0, None])
def test_dispersion_is_learnt_and_rather_overstated(size):
    rng = random.Random(5)
    baseline = b.unlearnt(PARAMETERS)
    for hour in range(24 * 21):
        held = Open(hour)
        usual = null(baseline, hour)
        for _ in range(60):
            mean = 0.5 * (rng.gammavariate(size, 1 / size) if size else 1.0)
            held = b.taken(
                held, Seen(poisson(rng, mean), 5), usual.expected if usual else 0, frozen=False
            )
        baseline, _ = b.closed(baseline, held, COMMON, PARAMETERS)
    found = b.size_of(baseline, PARAMETERS)

    assert (0.6 * size < found < 1.1 * size) if size else found > 8


def test_what_wanders_gets_a_wider_margin_and_chance_does_not():
    rng = random.Random(9)
    steady = learnt(24 * 28, lambda _: poisson(rng, 12), 60)
    restless = learnt(24 * 28, lambda _: poisson(rng, 12 * math.exp(rng.gauss(0, 0.5))), 60)

    assert null(steady).mean == pytest.approx(null(steady).expected * 1.3)
    assert null(restless).mean > null(restless).expected * 1.7
    assert null(restless).mean <= null(restless).expected * 3


def test_another_bundle_scales_what_is_usual():
    before = learnt(400)
    after = b.rescaled(before, Shadow(1000, 200, 300), PARAMETERS)

    assert null(after).expected == pytest.approx(null(before).expected * 1.5, rel=0.05)
    assert null(after).usual == pytest.approx(null(before).usual * 1.5, rel=0.05)
    assert b.rescaled(before, Shadow(0, 0, 0), PARAMETERS) == before
    few = b.rescaled(before, Shadow(3, 0, 3), PARAMETERS)
    assert null(few).expected < null(before).expected * 1.5


def test_a_baseline_is_small():
    assert len(msgspec.msgpack.encode(learnt(400))) < 1300


def test_the_larger_a_series_the_more_deviations_its_margin_has():
    margins = []
    for usual in (2, 12, 80):
        rng = random.Random(3)
        restless = [poisson(rng, usual * math.exp(rng.gauss(0, 0.6))) for _ in range(24 * 28)]
        found = null(learnt(len(restless), restless.__getitem__, 5 * usual))
        margins.append(found.mean / found.expected - 1)
    low, middle, high = margins

    assert low < middle < high <= PARAMETERS.margin_limit
