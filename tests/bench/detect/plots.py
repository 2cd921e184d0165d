"""The plots of docs/benchmark-detection.md."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tests.bench.detect.compare import OURS, RATES, Tried
from tests.bench.detect.delays import VOLUMES, Delay
from tests.bench.detect.headlines import Run
from tests.bench.detect.nulls import Null
from tests.bench.detect.tables import BUDGET, CASES, NAMES

BLUE, RED, GREEN, BROWN, GREY = "#30506b", "#b22222", "#2e8b57", "#8a4b08", "#999999"
SHOWN = {
    OURS: BLUE,
    "seasonal z, volume and share": GREEN,
    "CUSUM, share": BROWN,
    "EWMA": "#7b5ea7",
    "BOCPD, gamma–Poisson": "#c07a00",
    "ADWIN (river)": "#c2578c",
    "fixed share": GREY,
    "ratio of windows (ElastAlert)": "#444444",
}


def null(nulls: Sequence[Null], out: Path) -> None:
    """Draw false alarms by stratum against the budget."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    colours = (GREY, GREEN, BROWN, BLUE)
    for number, (case, colour) in enumerate(zip(CASES, colours, strict=True)):
        rates = next(n.rates for n in nulls if n.case == case)
        places = [stratum + 0.15 * (number - 1.5) for stratum in range(len(rates))]
        spans = ([r.rate - r.low for r in rates], [r.high - r.rate for r in rates])
        axes.errorbar(
            places, [r.rate for r in rates], yerr=spans, fmt="o", ms=4, capsize=3,
            color=colour, label=CASES[case],
        )  # fmt: skip
    axes.axhline(BUDGET, color=RED, ls="--", lw=1, label="budget: 1 in 30 days")
    axes.set_xticks(range(len(NAMES)), NAMES)
    axes.set_ylabel("false alarms a series-day")
    axes.set_ylim(0, max(axes.get_ylim()[1], 1.6 * BUDGET))  # room for the legend
    axes.legend(fontsize=8)
    figure.savefig(out, dpi=110)


def curves(tried: Sequence[Tried], out: Path) -> None:
    """Draw recall against the rate of false alarms that is allowed, the best variant at each."""
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.subplots()
    for family, colour in SHOWN.items():
        points = sorted(
            (one.false / one.days, one.recall)
            for one in tried
            if one.family == family and not one.variant.startswith("defaults")
        )
        rates, recalls, top = [], [], 0.0
        for rate, recall in points:
            if recall > top:
                top = recall
                rates.append(max(rate, 1e-4))
                recalls.append(top)
        mine = family == OURS
        axes.plot(
            rates,
            recalls,
            color=colour,
            lw=2.2 if mine else 1.2,
            label=family,
            drawstyle="steps-post",
        )
    for one in tried:
        if one.variant.startswith("defaults"):
            axes.plot(one.false / one.days, one.recall, "D", color=BLUE, ms=7)
            axes.annotate(one.variant, (one.false / one.days, one.recall), xytext=(6, -12),
                          textcoords="offset points", fontsize=8)  # fmt: skip
    for name, rate in RATES.items():
        axes.axvline(rate, color=RED, ls="--", lw=0.8)
        axes.annotate(name, (rate, 0.01), fontsize=8, color=RED)
    axes.set_xscale("log")
    axes.set_xlim(1e-3, 0.5)
    axes.set_xlabel("false alarms a series-day (threshold and variant chosen with hindsight)")
    axes.set_ylabel("surges found")
    axes.legend(fontsize=8, loc="upper left")
    figure.savefig(out, dpi=110)


def delays(delays: Sequence[Delay], out: Path) -> None:
    """Draw median delays at exact volumes, and the floor."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    for kind, colour in (("×5", BLUE), ("×10", BROWN)):
        for drift, style in ((False, "-"), (True, "--")):
            at = [
                next(
                    d for d in delays if d.low == d.high == v and (d.kind, d.drift) == (kind, drift)
                )
                for v in VOLUMES
            ]
            medians = [float("nan") if d.median is None else d.median for d in at]
            label = f"{kind}, {'drift' if drift else 'clean'}"
            axes.plot(VOLUMES, medians, style, marker="o", ms=4, color=colour, label=label)
            if not drift:
                floors = [float("nan") if d.floor is None else d.floor for d in at]
                axes.plot(VOLUMES, floors, ":", color=colour, label=f"{kind}, floor")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(VOLUMES, [f"{v:g}" for v in VOLUMES])
    axes.minorticks_off()
    axes.set_yticks((5, 10, 20, 50, 100), ("5", "10", "20", "50", "100"))
    axes.set_xlabel("stories an hour, a fifth of them negative")
    axes.set_ylabel("median delay, min")
    axes.legend(fontsize=8)
    figure.savefig(out, dpi=110)


def headlines(runs: Sequence[Run], out: Path) -> None:
    """Draw the alarms of the topics and keywords in time; filled: explained by the list of events."""
    chosen = [runs[1], runs[-1]]
    alarms = [a for run in chosen for a in run.alarms]
    names = sorted({a.series for a in alarms}, reverse=True)
    figure = Figure(figsize=(9, 0.28 * len(names) + 1.2), layout="constrained")
    axes: Any = figure.subplots()  # its types know no dates
    places: dict[str, Any] = {name: number for number, name in enumerate(names)}
    for alarm in alarms:
        fill = BLUE if alarm.event else "white"
        axes.plot(
            alarm.decided,
            places[alarm.series],
            "o",
            ms=6,
            markerfacecolor=fill,
            color=BLUE,
        )
    for day, name in (
        (date(2019, 3, 10), "737 MAX"),
        (date(2020, 3, 9), "Covid"),
        (date(2020, 6, 18), "Wirecard"),
    ):
        axes.axvline(day, color=RED, lw=0.8, ls="--")
        axes.annotate(name, (day, len(names) - 0.4), fontsize=7, color=RED, ha="center")
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(-0.6, len(names))
    figure.savefig(out, dpi=110)
