import math
import random

import pytest

from consumers.watch.core import evidence
from consumers.watch.core.evidence import Null, Seen, Span
from consumers.watch.core.parameters import Parameters
from tests.watch_world import poisson as arrivals

RATIOS = Parameters().ratios
NULL = Null(mean=0.4, size=4.0, share=0.25, expected=0.3, usual=0.2)


def binomial(k, n, p):
    if k > n:
        return -math.inf
    return math.log(math.comb(n, k)) + k * math.log(p) + (n - k) * math.log1p(-p)


def negative_binomial(x, mean, size):
    log = math.lgamma(x + size) - math.lgamma(size) - math.lgamma(x + 1)
    return log + size * math.log(size / (size + mean)) + x * math.log(mean / (size + mean))


def poisson(x, mean):
    return x * math.log(mean) - mean - math.lgamma(x + 1)


def mean_volume_factor(ratio, log_law, mean, size):
    factors = (evidence.volume_factors(x, mean, size, [ratio])[0] for x in range(1200))
    return sum(math.exp(log_law(x) + factor) for x, factor in enumerate(factors))


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize(("mean", "size"), [(0.02, 0.5), (0.4, 2.0), (3.0, 5.0), (8.0, 50.0)])
def test_the_volume_factor_of_the_declared_law_has_mean_one(ratio, mean, size):
    found = mean_volume_factor(ratio, lambda x: negative_binomial(x, mean, size), mean, size)

    assert found == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize(("mean", "size"), [(0.02, 0.5), (0.4, 2.0), (3.0, 5.0)])
def test_the_volume_factor_of_tamer_laws_has_a_mean_of_at_most_one(ratio, mean, size):
    laws = [
        lambda x: poisson(x, mean),
        lambda x: poisson(x, mean * 0.7),
        lambda x: negative_binomial(x, mean, size * 3),
        lambda x: negative_binomial(x, mean * 0.5, size),
        lambda x: binomial(x, 20, mean / 20),
    ]

    assert all(mean_volume_factor(ratio, law, mean, size) <= 1 + 1e-9 for law in laws)


def test_the_volume_factor_of_a_wilder_law_exceeds_one():
    found = mean_volume_factor(1.5, lambda x: negative_binomial(x, 3.0, 1.0), 3.0, 50.0)

    assert found > 1.3


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("share", [0.05, 0.2, 0.6])
def test_the_share_factor_has_a_mean_of_one_at_the_bound_and_less_below(ratio, share):
    def mean(p, n):
        return sum(
            math.exp(binomial(k, n, p) + evidence.share_factors(k, n, share, [ratio])[0])
            for k in range(n + 1)
        )

    assert [mean(share, n) for n in (1, 5, 20)] == pytest.approx([1, 1, 1])
    assert all(mean(share * 0.8, n) < 1 for n in (1, 5, 20))


def test_the_factors_are_likelihood_ratios():
    for ratio in RATIOS:
        q = 0.25 * ratio / (1 + 0.25 * (ratio - 1))
        one_by_one = 3 * math.log(q / 0.25) + 4 * math.log((1 - q) / 0.75)
        counts = negative_binomial(7, 2.0 * ratio, 3.0) - negative_binomial(7, 2.0, 3.0)

        assert evidence.share_factors(3, 7, 0.25, [ratio])[0] == pytest.approx(one_by_one)
        assert evidence.volume_factors(7, 2.0, 3.0, [ratio])[0] == pytest.approx(counts)


def test_steps_follow_the_recursion_and_the_mixture():
    seen = [Seen(0, 1), Seen(2, 3), Seen(0, 0), Seen(1, 1), Seen(0, 4), Seen(9, 9)]
    state = evidence.empty(2 * len(RATIOS), 0)
    sums = [0.0] * (2 * len(RATIOS))
    for tick, one in enumerate(seen):
        state = evidence.step(state, tick, one, NULL, RATIOS)
        factors = evidence.volume_factors(one.negative, NULL.mean, NULL.size, RATIOS)
        factors += evidence.share_factors(one.negative, one.stories, NULL.share, RATIOS)
        volume = len(RATIOS)
        for j, factor in enumerate(factors):
            if j < volume or one.stories:
                sums[j] = math.exp(factor) * (sums[j] + 1)

    assert [math.exp(s) for s in state.logs] == pytest.approx(sums)
    assert math.exp(evidence.log_evidence(state)) == pytest.approx(sum(sums) / len(sums))


def test_without_stories_the_share_says_nothing_however_long():
    state = evidence.empty(2 * len(RATIOS), 0)
    for tick in range(5000):
        state = evidence.step(state, tick, Seen(0, 0), NULL, RATIOS)

    assert state.logs[len(RATIOS) :] == (evidence.NOTHING,) * len(RATIOS)
    assert evidence.log_evidence(state) < math.log(30)


def test_late_stories_feed_the_share_alone():
    before = evidence.empty(2 * len(RATIOS), 0)
    late = evidence.step(before, 0, Seen(0, 0, late_negative=6, late=6), NULL, RATIOS)
    quiet = evidence.step(before, 0, Seen(0, 0), NULL, RATIOS)

    assert late.logs[: len(RATIOS)] == quiet.logs[: len(RATIOS)]
    assert min(late.logs[len(RATIOS) :]) > 0


def test_the_onset_is_where_the_heaviest_component_began_and_the_span_sums_from_there():
    state = evidence.empty(2 * len(RATIOS), 0)
    for tick in range(100):
        state = evidence.step(state, tick, Seen(0, 1), NULL, RATIOS)
    for tick in range(100, 106):
        seen = Seen(2, 3, late_negative=1, late=1, sources=(tick, 7), trusted=(7,))
        state = evidence.step(state, tick, seen, NULL, RATIOS)

    span = evidence.heaviest(state)[1]
    assert span.expected == pytest.approx(6 * NULL.expected)
    assert span == Span(100, span.expected, 12, 18, 6, 6, (7, 100, 101, 102), (7,))


def test_extreme_counts_stay_finite():
    state = evidence.empty(2 * len(RATIOS), 0)
    for tick in range(3):
        state = evidence.step(state, tick, Seen(10**6, 10**6), NULL, RATIOS)

    assert math.isfinite(evidence.log_evidence(state))
    assert evidence.log_sum([evidence.NOTHING]) == evidence.NOTHING


@pytest.mark.parametrize(("size", "worse"), [(3.0, 1.0), (None, 1.0), (3.0, 2.0)])
def test_alarms_come_no_more_often_than_the_threshold_says_when_nothing_is_wrong(size, worse):
    rng = random.Random(17)
    null = Null(mean=0.5, size=3.0, share=0.25, expected=0.4, usual=0.2)
    limit, ticks, alarms = 150, 60_000, 0
    state = evidence.empty(2 * len(RATIOS), 0)
    for tick in range(ticks):
        mean = worse * 2.0 * (rng.gammavariate(size, 1 / size) if size else 1.0)
        n = arrivals(rng, mean)
        k = sum(rng.random() < 0.25 for _ in range(n))
        state = evidence.step(state, tick, Seen(k, n), null, RATIOS)
        if evidence.log_evidence(state) >= math.log(limit):
            alarms += 1
            state = evidence.empty(2 * len(RATIOS), tick + 1)

    if worse == 1.0:
        assert 20 < alarms <= ticks / limit
    else:
        assert alarms > ticks / limit
