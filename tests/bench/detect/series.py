"""
Tweet volumes and series of known cause (Numenta Anomaly Benchmark), by its own rules of scoring.

Ours is `groundswell detect FILE` with its defaults for plain series; its alarms are its detections. All
others see the same baseline, and get the variant, the threshold and the pause between two detections (none,
2 h, a day) that make their score highest, for each profile by itself.
"""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from consumers.watch.core.budget import log_thresholds
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.states import LIVE
from consumers.watch.core.together import decide_all, none_yet
from consumers.watch.detect import PLAIN, SERIES_DAYS
from consumers.watch.detect_input import read_values
from tests.bench.detect import sequential, windows
from tests.bench.detect.nab import PROFILES, Labelled, normalised
from tests.bench.detect.windows import Given

TWEETS = ("AAPL", "AMZN", "CRM", "CVS", "FB")
CAUSES = (
    "ambient_temperature_system_failure",
    "cpu_utilization_asg_misconfiguration",
    "ec2_request_latency_system_failure",
    "machine_temperature_system_failure",
    "nyc_taxi",
    "rogue_agent_key_hold",
    "rogue_agent_key_updown",
)
PAUSES = (0, 120, 1440)


class Scored(msgspec.Struct):
    """A detector's scores by profile, with the detections behind the standard one."""

    family: str
    set: str
    scores: dict[str, float]
    detections: int
    windows: int
    found: int


class Ran(NamedTuple):
    """A file that was run: its labels, our detections, and what the others see."""

    labelled: Labelled
    detections: list[int]
    given: Given
    tick: int


def measured(data: Path, log: Any) -> list[Scored] | None:
    """Score every detector on both sets; None without the data."""
    folder = data / "series"
    if not folder.exists():
        log(f"not measured: {folder} is not here")
        return None
    labels: dict[str, list[list[str]]] = json.loads((folder / "windows.json").read_text())
    out = []
    for name, files in (
        ("tweets", [f"Twitter_volume_{ticker}.csv" for ticker in TWEETS]),
        ("known cause", [f"{cause}.csv" for cause in CAUSES]),
    ):
        ran = [run(folder / file, labels[file]) for file in files]
        log(f"{name}: ours")
        out.append(
            _scored(
                "e-detector, defaults",
                name,
                ran,
                {p: [r.detections for r in ran] for p in PROFILES},
            )
        )
        best: dict[str, Scored] = {}
        for family, detections in others(ran, log):
            scored = _scored(family, name, ran, dict.fromkeys(PROFILES, detections))
            held = best.setdefault(family, scored)
            if scored.scores["standard"] > held.scores["standard"]:
                held.detections, held.found = scored.detections, scored.found
            held.scores = {p: max(s, held.scores[p]) for p, s in scored.scores.items()}
        out += best.values()
    return out


def _scored(
    family: str, name: str, ran: list[Ran], detections: Mapping[str, list[list[int]]]
) -> Scored:
    files = [r.labelled for r in ran]
    scores = {p: normalised(detections[p], files, PROFILES[p]) for p in PROFILES}
    standard = detections["standard"]
    found = sum(
        any(left <= d <= right for d in of)
        for of, file in zip(standard, files, strict=True)
        for left, right in file.windows
    )
    number = sum(len(of) for of in standard)
    return Scored(family, name, scores, number, sum(len(f.windows) for f in files), found)


def run(file: Path, windows_: list[list[str]]) -> Ran:
    """Run our detector over a file, as the command does."""
    given = read_values(file, None)
    parameters = msgspec.structs.replace(Parameters(tick=given.tick), **PLAIN)
    name = given.names[0]
    thresholds = log_thresholds(1 / SERIES_DAYS, {name: 1.0}, given.tick)
    state, said, fired = none_yet(parameters), None, []
    rows: list[tuple[float, float, float]] = []
    for tick in range(given.first, given.last + 1):
        seen = given.seen.get(tick, {}).get(name)
        done = decide_all(state, tick, {name: seen}, thresholds, parameters, said)
        state, said = done.state, done.common
        decision = done.decisions[name]
        machine = decision.series.machine
        for told in decision.transitions:
            again = machine.episode is not None and machine.episode.reopened
            if told.after == "firing" and told.before not in LIVE and not again:
                fired.append(tick)
        null = decision.null
        rows.append(
            (
                seen.negative if seen else math.nan,
                null.expected if null else math.nan,
                null.size if null else 1.0,
            )
        )
    times = _times(file)
    ticks = [int(at.timestamp()) // 60 // given.tick for at in times]
    first_of = {tick: number for number, tick in reversed(list(enumerate(ticks)))}
    table = np.array(rows, np.float32)[[tick - given.first for tick in ticks]]
    table[np.isnan(table[:, 1]), 1] = np.nanmean(table[:, 1])
    negative, expected, size = (column[:, None] for column in table.T)
    return Ran(
        Labelled(len(times), tuple(_window(times, *w) for w in windows_)),
        [first_of[tick] for tick in fired],
        Given(
            np.nan_to_num(negative), np.nan_to_num(negative), np.maximum(expected, 1e-3),
            np.full_like(expected, 0.2), size, _stray(negative, expected, given.tick),
        ),
        given.tick,
    )  # fmt: skip


def _times(file: Path) -> list[datetime]:
    lines = file.read_text(encoding="utf-8").splitlines()[1:]
    return [datetime.fromisoformat(line.partition(",")[0] + "+00:00") for line in lines]


def _window(times: list[datetime], start: str, end: str) -> tuple[int, int]:
    left, right = (datetime.fromisoformat(at + "+00:00") for at in (start, end))
    inside = [number for number, at in enumerate(times) if left <= at <= right]
    return inside[0], inside[-1]


def _stray(negative: np.ndarray, expected: np.ndarray, tick: int) -> np.ndarray:
    """Return how far an hour strays beyond chance, from the whole file: with hindsight."""
    hour = max(1, 60 // tick)
    seen, usual = sequential.binned(negative, hour), sequential.binned(expected, hour)
    over = np.nansum((seen - usual) ** 2 - seen, axis=0)
    return np.asarray(np.maximum(over, 0) / (usual**2).sum(axis=0), np.float32)


def others(ran: list[Ran], log: Any) -> Iterator[tuple[str, list[list[int]]]]:
    """Yield family and detections, by file, of every variant, threshold and pause."""
    for family, scores in _scores(ran):
        together = np.concatenate([s.ravel() for s in scores])
        for threshold in np.unique(np.quantile(together, 1 - np.logspace(-4.5, -0.7, 60))):
            for pause in PAUSES:
                yield (
                    family,
                    [
                        _detections(s, threshold, r.tick, pause)
                        for s, r in zip(scores, ran, strict=True)
                    ],
                )
        log(family)
    try:
        for delta in sequential.DELTAS:
            rows = [sequential.adwin(r.given, delta, max(1, 15 // r.tick)) for r in ran]
            yield "ADWIN (river)", [[row for _, row in found] for found in rows]
    except ImportError:
        log("ADWIN is left out: river is not installed")


def _detections(scores: np.ndarray, threshold: float, tick: int, pause: int) -> list[int]:
    rows = np.flatnonzero(scores.ravel() >= threshold)
    if not pause:
        return [int(row) for row in rows]
    out: list[int] = []
    last = -math.inf
    for row in rows.tolist():
        if (row - last) * tick > pause:
            out.append(row)
        last = row
    return out


def _scores(ran: list[Ran]) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield family and scores, by file, of each variant."""

    def each(score: Any) -> list[np.ndarray]:
        return [score(r.given, r.tick) for r in ran]

    for minutes in (15, 60, 180):
        yield "fixed count", each(lambda g, t, m=minutes: windows.count(g, max(1, m // t)))
        yield (
            "ratio of windows (ElastAlert)",
            each(lambda g, t, m=minutes: windows.ratio(g, max(1, m // t))),
        )
        for strays in (False, True):
            yield (
                "seasonal z",
                each(
                    lambda g, t, m=minutes, s=strays: windows.z_volume(g, max(1, m // t), strays=s)
                ),
            )
        yield "EWMA", each(lambda g, t, m=minutes: windows.ewma(g, max(2, m // t)))
    for ratio in (2.0, 3.0):
        yield "CUSUM", [_unrestarted(sequential.cusum(r.given, ratio)) for r in ran]
        yield (
            "two states (Kleinberg-like)",
            each(lambda g, t, r=ratio: sequential.two_states(g, r, 10_080 / t, 240 / t)),
        )
    for slack in (0.25, 0.5, 1.0):
        yield (
            "Page–Hinkley",
            [_unrestarted(sequential.page_hinkley(r.given, slack)) for r in ran],
        )
    yield (
        "BOCPD, gamma–Poisson",
        each(lambda g, t: _spread(sequential.bocpd(g, max(1, 15 // t)), g, max(1, 15 // t))),
    )


def _unrestarted(gains: np.ndarray) -> np.ndarray:
    total = np.cumsum(gains, axis=0, dtype=float)
    lowest = np.minimum(np.minimum.accumulate(total, axis=0), 0)
    return np.asarray(total - lowest, np.float32)


def _spread(scores: np.ndarray, given: Given, length: int) -> np.ndarray:
    """Lay the score of each bin at its last record."""
    out = np.full(given.negative.shape, -np.inf, np.float32)
    out[length - 1 :: length] = scores[: len(out[length - 1 :: length])]
    return out
