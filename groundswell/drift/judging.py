"""
Whether a window is like the reference: every test against what windows of the reference reach.

The reference is divided at random into a window and the rest, many times; every statistic of every
division is the calibration. A window's p-value of a test is its rank among those, and the smallest
p-value over the tests is ranked once more among the smallest of the divisions (Westfall and Young 1993),
so that several tests together alarm on the stated share of windows, however they depend on one another.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from groundswell.drift import statistics
from groundswell.drift.observed import Bools, Floats, Units, pooled

ROUNDS: Final = 999
"""Divisions of the reference; the smallest p-value is one above them."""
SHARE: Final = 0.05
"""Of windows without drift, the share that may alarm."""
FEWEST: Final = 30
"""Stories of a window, and of what is left of the reference."""

Statistic = Callable[[Units, Bools], Floats]


class Test(NamedTuple):
    """
    What a test says of a window: its statistic, and the least that would alarm by itself.

    ``p`` is its own p-value, ``adjusted`` the one that makes up for the number of tests.
    """

    name: str
    statistic: float
    usual: float
    """The median over windows of the reference."""
    p: float
    adjusted: float


class Verdict(NamedTuple):
    """The tests of a window of so many texts and stories, and whether it is unlike the reference."""

    texts: int
    stories: int
    tests: tuple[Test, ...]
    share: float
    unasked: Mapping[str, str]
    """Tests that could not be made, with the reason."""

    @property
    def alarms(self) -> tuple[str, ...]:
        """The names of the tests that alarm, the clearest first."""
        found = sorted((test.adjusted, test.name) for test in self.tests)
        return tuple(name for p, name in found if p <= self.share)


class Calibration(NamedTuple):
    """The reference, one unit a story, and the statistics of its divisions, [rounds, tests]."""

    reference: Units
    size: int
    tests: Mapping[str, Statistic]
    values: Floats
    smallest: Floats
    """The smallest p-value of each division, sorted."""
    share: float
    unasked: Mapping[str, str]


def tests_of(
    reference: Units, confusions: Mapping[str, Floats]
) -> tuple[dict[str, Statistic], dict[str, str]]:
    """Return the tests that can be made of such units, and why the others cannot."""
    tests: dict[str, Statistic] = {
        "embeddings": lambda units, window: statistics.mmd(units.embedding, window),
        "length": lambda units, window: statistics.ks(units.length, window),
        "unknown tokens": lambda units, window: statistics.difference(units.unknown, window),
        "script": lambda units, window: statistics.of_kinds(units.script, window),
    }
    unasked = {}
    for head in sorted(reference.probabilities):
        tests[f"probabilities of {head}"] = _probabilities(head)
        tests[f"abstentions of {head}"] = _abstentions(head)
        confusion = confusions.get(head)
        name = f"label shift of {head}"
        if confusion is None:
            unasked[name] = "the reference holds no confusion matrix"
        elif (cond := statistics.condition(confusion)) > statistics.MOST_CONDITION:
            unasked[name] = (
                f"the confusion matrix is ill conditioned: {cond:.1f}, and at most "
                f"{statistics.MOST_CONDITION:.0f} is used (infinite: a label has too few rows)"
            )
        else:
            tests[name] = _label_shift(head, confusion)
    return tests, unasked


def _probabilities(head: str) -> Statistic:
    return lambda units, window: statistics.largest_ks(units.probabilities[head], window)


def _abstentions(head: str) -> Statistic:
    return lambda units, window: statistics.difference(
        units.unsure(head).astype(np.float64), window
    )


def _label_shift(head: str, confusion: Floats) -> Statistic:
    return lambda units, window: statistics.label_shift(
        confusion, units.probabilities[head], window
    )


def calibrate(
    reference: Units,
    confusions: Mapping[str, Floats],
    size: int,
    *,
    share: float = SHARE,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Calibration:
    """
    Learn what windows of ``size`` stories of the reference are like.

    ``size`` is lowered to half of the reference. Raises ``ValueError`` where the reference has fewer than
    twice ``FEWEST`` stories.
    """
    units = reference.stories()
    size = min(size, len(units) // 2)
    if size < FEWEST:
        raise ValueError(f"{len(units)} stories are too few for a reference: {2 * FEWEST} at least")
    tests, unasked = tests_of(units, confusions)
    values, smallest = _divided(units, tests, size, rounds, seed)
    return Calibration(units, size, tests, values, smallest, share, unasked)


def _divided(
    units: Units, tests: Mapping[str, Statistic], size: int, rounds: int, seed: int
) -> tuple[Floats, Floats]:
    """Return the statistics of divisions, and the smallest p-value of each, sorted."""
    draw = np.random.default_rng(seed)
    windows = draw.permuted(np.tile(np.arange(len(units)) < size, (rounds, 1)), axis=1)
    values = np.column_stack([test(units, windows) for test in tests.values()])
    # Each division among all: its rank from above.
    ranks = np.column_stack([_ranks(column, column) for column in values.T])
    return values, np.sort(ranks.min(axis=1) / rounds)


def _ranks(values: Floats, among: Floats) -> Floats:
    """Return how many of ``among`` are at least as large as each value."""
    place = np.searchsorted(np.sort(among), values, side="left")
    return np.asarray(len(among) - place, dtype=np.float64)


def judge(calibration: Calibration, window: Units) -> Verdict:
    """
    Compare a window with the reference.

    Of more stories than were calibrated for, the newest count. With fewer the tests are still made against
    divisions of their own size. Raises ``ValueError`` for fewer than ``FEWEST``.
    """
    texts, stories = len(window), window.stories()
    if len(stories) < FEWEST:
        raise ValueError(f"a window of {len(stories)} stories is too small: {FEWEST} at least")
    stories = stories.take(range(max(0, len(stories) - calibration.size), len(stories)))
    if len(stories) < calibration.size:
        calibration = _of_size(calibration, len(stories))
    reference = calibration.reference
    both = pooled(reference, stories)
    division = np.arange(len(both))[None, :] >= len(reference)
    rounds = len(calibration.values)
    found = []
    for column, (name, test) in zip(calibration.values.T, calibration.tests.items(), strict=True):
        value = float(test(both, division)[0])
        p = (1.0 + float(_ranks(np.array([value]), column)[0])) / (rounds + 1.0)
        below = float(np.searchsorted(calibration.smallest, p, side="right"))
        adjusted = (1.0 + below) / (rounds + 1.0)
        found.append(Test(name, value, float(np.median(column)), p, min(1.0, adjusted)))
    return Verdict(texts, len(stories), tuple(found), calibration.share, calibration.unasked)


def _of_size(calibration: Calibration, size: int) -> Calibration:
    """Draw the divisions again for a smaller window."""
    values, smallest = _divided(
        calibration.reference, calibration.tests, size, len(calibration.values), seed=size
    )
    return calibration._replace(size=size, values=values, smallest=smallest)


def advice(verdicts: tuple[Verdict, ...], needed: int = 2) -> tuple[bool, str]:
    """
    Say whether the last windows are a reason to act, and what the cheapest repair would be.

    One window in twenty may alarm without cause, so ``needed`` in a row are asked.
    """
    last = verdicts[-needed:]
    if len(last) < needed or not all(verdict.alarms for verdict in last):
        return False, f"fewer than {needed} windows in a row are unlike the reference"
    names = sorted({name for verdict in last for name in verdict.alarms})
    told = ", ".join(names)
    only_labels = ("label shift", "probabilities", "abstentions")
    if all(name.startswith(only_labels) for name in names):
        return True, f"{told}: the labels' shares moved; label a random share, then refresh"
    return True, f"{told}: the texts changed; label some of them, then refresh"
