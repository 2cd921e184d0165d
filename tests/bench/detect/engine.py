"""
The detector over many series at once, a tick at a time: what `consumers.watch.core` decides, in arrays.

Evidence is kept as S itself, not as its logarithm; series without any to speak of skip the states. What it
decides, when, and with which evidence is that of the core to rounding
(`tests/property/test_bench_detect_engine.py`); left out are umbrellas, severity and the shown intervals.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import betaincc, gammaincc

from consumers.watch.core.budget import log_pending
from consumers.watch.core.effect import kind_of
from consumers.watch.core.evidence import Null, Span
from consumers.watch.core.parameters import Parameters, period_of
from tests.bench.detect.baselines import Baselines, Bools, Floats, Held, Ints
from tests.bench.detect.streams import Alarm, Outcome, Streams

QUIET, PENDING, FIRING, RECOVERING, RESOLVED = range(5)
_ELEVATED = np.array([False, True, True, True, False])
"""Of which states the baseline learns nothing, by their number."""
_NEVER = -(2**40)
MOST = 1e300


class Since(NamedTuple):
    """Stories since an onset: negative ones of all, late ones apart, and how many sources."""

    onset: int
    negative: int
    stories: int
    late_negative: int
    late: int
    sources: int


class Detector:
    """The states of all series of some streams; ``log_a`` is ln A of all, or of each."""

    def __init__(
        self,
        streams: Streams,
        parameters: Parameters,
        log_a: float | Floats,
        *,
        trace: bool = False,
    ) -> None:
        self._streams, self._p = streams, parameters
        series, parts = streams.negative.shape[1], len(parameters.ratios)
        self._series = series
        self._learnt = Baselines(streams.world, parameters)
        self._held = Held(series)
        self._evidence, self._twins = np.zeros((2 * parts, series)), np.zeros((2 * parts, series))
        self._onset = np.zeros((2 * parts, series), np.int64)
        self._before_onset = np.zeros((2 * parts, series))
        self._expected_so_far = np.zeros(series)
        self._last_negative = np.full(series, _NEVER)
        self._status = np.zeros(series, np.int8)
        self._since, self._episode = np.zeros(series, np.int64), np.zeros(series, bool)
        self._resolved = np.zeros(series, np.int64)
        self._about_tone, self._about_volume = np.zeros(series, bool), np.zeros(series, bool)
        self._cooling = np.full(series, _NEVER)
        self._heat = np.zeros(series, np.int64)
        self._recent = np.zeros((4, parameters.ticks(parameters.window), series))
        self._recent_at = np.full((parameters.ticks(parameters.window), series), _NEVER)
        self._bundle_at = _NEVER
        self._log_ratio = np.log(parameters.ratios)[:, None]
        self._alarms: list[Alarm] = []
        each = np.broadcast_to(log_a, series)
        pending = np.array([log_pending(float(one), parameters.tick) for one in each])
        self._a, self._a_pending = np.exp(each), np.exp(pending)
        self._a_low = np.exp(pending - math.log(3))
        shape = streams.negative.shape
        self._trace = (np.zeros(shape), np.zeros(shape, np.int8)) if trace else None

    def run(self) -> Outcome:
        """Decide every tick."""
        with np.errstate(over="ignore"):
            return self._run()

    def _run(self) -> Outcome:
        streams, p = self._streams, self._p
        rows = len(streams.negative)
        none = np.zeros(self._series)
        usual: list[tuple[Floats, Floats, Floats]] = []
        for row in range(rows):
            tick = streams.first + row
            period = period_of(tick, p)
            new = row == 0 or period != period_of(tick - 1, p)
            if new and row:
                usual.append((self._nulls.expected, self._nulls.usual, self._nulls.size))
                self._learnt.close(period_of(tick - 1, p), self._held)
                self._held = Held(self._series)
            if tick in streams.bundles:
                self._bundle_at = tick
                if (shadow := streams.bundles[tick]) is not None:
                    self._learnt.rescale(shadow, np.ones(self._series, bool))
            ends = tick == self._bundle_at + p.ticks(p.bundle_margin)
            if new or self._stale or ends or tick in streams.bundles:
                self._usual(tick, period)
                self._stale = False
            self._decide(
                row,
                tick,
                streams.negative[row].astype(float),
                streams.stories[row].astype(float),
                none if streams.late_negative is None else streams.late_negative[row].astype(float),
                none if streams.late is None else streams.late[row].astype(float),
            )
            self._stale = self._learnt.settle()
        usual.append((self._nulls.expected, self._nulls.usual, self._nulls.size))
        expected, shares, sizes = (np.array(values) for values in zip(*usual, strict=True))
        return Outcome(self._alarms, expected, shares, sizes, self._trace)

    _stale = True

    def _usual(self, tick: int, period: int) -> None:
        """Work out what does not change within a period."""
        doubled = tick - self._bundle_at < self._p.ticks(self._p.bundle_margin)
        nulls = self._learnt.nulls(period, np.full(self._series, doubled))
        ratios = np.array(self._p.ratios)[:, None]
        cost = np.log((nulls.size + nulls.mean) / (nulls.size + ratios * nulls.mean))
        self._nulls, self._all_known = nulls, bool(nulls.known.all())
        self._volume_gain, self._volume_cost = self._log_ratio + cost, nulls.size * cost
        self._share_cost = np.log1p(nulls.share * (ratios - 1))

    def _decide(
        self, row: int, tick: int, x: Floats, n: Floats, late_k: Floats, late_n: Floats
    ) -> None:
        absent = None if self._streams.absent is None else self._streams.absent[row]
        stepped = self._nulls.known if absent is None else self._nulls.known & ~absent
        self._step(tick, x, x + late_k, n + late_n, stepped)
        total = self._evidence.mean(axis=0)
        before = self._status
        busy = np.flatnonzero((before != QUIET) | (total >= self._a_low))
        hot = tick < self._cooling
        if len(busy):
            seen = stepped[busy] & _ELEVATED[before[busy]]
            self._remember(tick, busy[seen], x, x + late_k, n + late_n)
            self._move(row, tick, busy, total)
            was = _ELEVATED[before]
            now = _ELEVATED[self._status]
            self._cooling[was & ~now] = tick + self._p.ticks(self._p.cooling)
            hot = now | (tick < self._cooling)
            self._recent_at[:, ~now] = _NEVER
        heat = np.where(hot, self._heat + 2, np.maximum(0, self._heat - 1))
        frozen = hot & (heat <= 2 * self._p.freezing)
        self._heat = np.minimum(heat, 3 * self._p.freezing)
        self._take(x, n, late_k, late_n, frozen, absent)
        if self._trace:
            with np.errstate(divide="ignore"):
                self._trace[0][row] = np.log(total)
            self._trace[1][row] = self._status

    def _step(self, tick: int, x: Floats, k: Floats, n: Floats, stepped: Bools) -> None:
        """Take a tick into the evidence and its twins: `step`."""
        parts = len(self._p.ratios)
        fresh = (self._twins <= 0) & stepped
        np.copyto(self._onset, tick, where=fresh)
        np.copyto(self._last_negative, tick, where=(k > 0) & stepped)
        np.copyto(self._before_onset, self._expected_so_far, where=fresh)
        self._expected_so_far = self._expected_so_far + self._nulls.expected * stepped
        some = np.flatnonzero(stepped) if not stepped.all() else slice(None)
        gain = x * self._volume_gain + self._volume_cost
        self._grow(slice(0, parts), some, gain)
        told = np.flatnonzero((n > 0) & stepped)
        if len(told):
            gain = k * self._log_ratio - n * self._share_cost
            self._grow(slice(parts, None), told, gain)

    def _grow(self, parts: slice, which: slice | Ints, gain: Floats) -> None:
        gain = gain[:, which]
        held, twins = self._evidence[parts], self._twins[parts]
        held[:, which] = np.minimum(np.exp(gain) * (held[:, which] + 1), MOST)
        twins[:, which] = np.maximum(gain + twins[:, which], 0.0)

    def _remember(self, tick: int, which: Ints, x: Floats, k: Floats, n: Floats) -> None:
        place = tick % len(self._recent_at)
        self._recent_at[place, which] = tick
        self._recent[:, place, which] = (
            self._nulls.expected[which], x[which], k[which], n[which],
        )  # fmt: skip

    def _move(self, row: int, tick: int, busy: Ints, total: Floats) -> None:
        """Move the states of the series ``busy``: `states.move`."""
        p, status = self._p, self._status[busy]
        evidence = total[busy]
        live = (status == FIRING) | (status == RECOVERING)
        unusual = np.ones(len(busy))
        if live.any():
            unusual[live] = self._unusual(busy[live])
        after = np.full(len(busy), QUIET, np.int8)
        forgotten = ~live & (tick - self._resolved[busy] > p.ticks(p.reopen))
        episode = self._episode[busy] & ~forgotten
        after[(status == RESOLVED) & episode] = RESOLVED
        low = evidence < self._a_low[busy]
        after[(status == PENDING) & ~low] = PENDING
        for place in np.flatnonzero((evidence >= self._a_pending[busy]) & ~live):
            which = int(busy[place])
            heaviest = int(self._evidence[:, which].argmax())
            if self._last_negative[which] < self._onset[heaviest, which]:
                continue  # silence alone is no surge
            after[place] = PENDING
            again = bool(episode[place])
            if evidence[place] >= self._a[which] and self._fires(row, which, again=again):
                after[place], episode[place] = FIRING, True
        after[live] = np.where(
            status[live] == FIRING,
            np.where(unusual[live] < p.calm_below, RECOVERING, FIRING),
            np.where(unusual[live] >= p.rising_above, FIRING, RECOVERING),
        )
        calm = (status == RECOVERING) & (after == RECOVERING)
        done = calm & (tick - self._since[busy] >= p.ticks(p.calm_for))
        after[done] = RESOLVED
        self._since[busy[after != status]] = tick
        self._resolved[busy[done]] = tick
        self._episode[busy] = episode
        self._status = self._status.copy()
        self._status[busy] = after
        self._evidence[:, busy[done]] = 0.0
        self._twins[:, busy[done]] = 0.0

    def _unusual(self, which: Ints) -> Floats:
        """Return how probably the last hour with data is unusual still: `_unusual` of the core."""
        p, nulls = self._p, self._nulls
        at = self._recent_at[:, which]
        there = (at > at.max(axis=0) - p.ticks(p.window)) & (at > _NEVER)
        expected, volume, k, n = (self._recent[:, :, which] * there).sum(axis=1)
        bound = nulls.mean[which] / np.where(nulls.expected[which] > 0, nulls.expected[which], 1)
        by_volume = gammaincc(1 + volume, bound * (1 + expected)) * self._about_volume[which]
        prior, usual = p.pseudo_stories, nulls.usual[which]
        by_tone = betaincc(prior * usual + k, prior * (1 - usual) + n - k, nulls.share[which])
        by_tone = np.where(nulls.share[which] >= 1, 0.0, by_tone) * self._about_tone[which]
        out = np.maximum(by_volume, by_tone)
        out[(k == 0) & (volume == 0)] = 0.0
        out[2 * there.sum(axis=0) < p.ticks(p.window)] = 1.0
        return np.asarray(out)

    def _fires(self, row: int, which: int, *, again: bool) -> bool:
        """Note an alarm, unless a gate holds it back."""
        heaviest = int(self._evidence[:, which].argmax())
        onset, x, n, late_k, late_n, sources = self._seen(row, which)
        if x + late_k < self._p.stories or sources < self._p.sources:
            return False
        expected = float(self._expected_so_far[which] - self._before_onset[heaviest, which])
        kind = kind_of(
            Span(onset, expected, x, n, late_k, late_n),
            Null(*(float(values[which]) for values in self._nulls[1:])),
            self._p,
        )
        if not again:
            self._about_tone[which], self._about_volume[which] = kind != "attention", kind != "tone"
        self._alarms.append(Alarm(which, row, onset, kind, again))
        return True

    def _seen(self, row: int, which: int) -> "Since":
        """Return what was seen since the onset of the heaviest component."""
        streams = self._streams
        onset = int(self._onset[int(self._evidence[:, which].argmax()), which])
        rows = np.arange(max(0, onset - streams.first), row + 1)
        if streams.absent is not None:
            rows = rows[~streams.absent[rows, which]]
        late_k = (
            0 if streams.late_negative is None else int(streams.late_negative[rows, which].sum())
        )
        late_n = 0 if streams.late is None else int(streams.late[rows, which].sum())
        x, n = int(streams.negative[rows, which].sum()), int(streams.stories[rows, which].sum())
        sources = int(np.bitwise_or.reduce(streams.sources[rows, which], initial=0)).bit_count()
        return Since(onset, x, n, late_k, late_n, sources)

    def _take(
        self,
        x: Floats,
        n: Floats,
        late_k: Floats,
        late_n: Floats,
        frozen: Bools,
        absent: Bools | None,
    ) -> None:
        """Add a tick to the open period: `taken`."""
        held, expected = self._held, self._nulls.expected
        there = np.ones(self._series) if absent is None else (~absent).astype(float)
        held.ticks += there.astype(np.int64)
        held.negative += x * there
        held.stories += n * there
        held.late_negative += late_k * there
        held.late += late_n * there
        held.expected += expected * there
        held.excess += ((x - expected) ** 2 - x) * (there * (expected > 0))
        held.square += expected**2 * there
        held.frozen |= frozen & (there > 0)
