"""The tables of docs/benchmark-detection.md, from the figures of the parts."""

from collections.abc import Iterable, Sequence

from tests.bench.detect.compare import OURS, RATES, STRATA, Tried, best
from tests.bench.detect.delays import Delay, Variant
from tests.bench.detect.headlines import Run
from tests.bench.detect.live import Through
from tests.bench.detect.nab import PROFILES
from tests.bench.detect.nulls import Null
from tests.bench.detect.replayed import Replayed
from tests.bench.detect.scenarios import Told
from tests.bench.detect.scoring import Rate
from tests.bench.detect.series import Scored

BUDGET = 1 / 30
NAMES = [f"{low:g} to {high:.0f}/h" for low, high in STRATA]
WANTED = ("earnings day", "tone day")
"""Scenarios whose alarms are right; asked is what they say."""
CASES = {
    "edge": "at the margin itself, evidence alone",
    "clean": "clean, learnt online",
    "×0.8": "clean, then a fifth less of everything",
    "drift": "drifting",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(rate: Rate) -> str:
    """Show a rate with its interval; what is surely or possibly above the budget is marked."""
    mark = "" if rate.rate <= BUDGET else " **above**"
    return f"{rate.rate:.4f} [{rate.low:.4f}, {rate.high:.4f}]{mark}"


def together(rates: Iterable[Rate]) -> str:
    """Show all strata as one."""
    from tests.bench.detect.scoring import rate

    both = [(r.false, r.days) for r in rates]
    return shown(rate(sum(f for f, _ in both), sum(d for _, d in both)))


def null(nulls: Sequence[Null]) -> str:
    """Show false alarms a series-day."""
    by_case = {n.case: n for n in nulls}
    rows = [
        [words, *(shown(r) for r in by_case[case].rates), together(by_case[case].rates)]
        for case, words in CASES.items()
    ]
    return table(["usual", *NAMES, "all"], rows)


def counts(through: Sequence[Through]) -> str:
    """Show what the live counts hold, and the false alarms on them."""
    rows = [
        [
            t.copies,
            f"{t.items:,}",
            f"{t.wrong} of {t.cells:,}",
            f"{t.late:.1%}",
            f"{t.size:.1f} (declared {t.declared:g})",
            *(shown(r) for r in t.strata),
        ]
        for t in through
    ]
    return table(["copies", "items", "cells that differ", "late", "size", *NAMES], rows)


def scenarios(told: Sequence[Told]) -> str:
    """Show what other things raise."""
    rows = [
        [
            t.scenario,
            "wanted" if t.scenario in WANTED else shown(t.alarms),
            f"{t.inside} in {t.spells:,}" if t.spells else "",
            ", ".join(f"{n} {kind}" for kind, n in sorted(t.about.items())),
        ]
        for t in told
    ]
    return table(["scenario", "alarms a series-day", "alarms in its hours", "about"], rows)


def compared(tried: Sequence[Tried], name: str) -> str:
    """Show every detector at one rate of false alarms, the best first."""
    chosen = [(f"{family}, {one.variant}", one) for family, one in best(tried, RATES[name]).items()]
    ours = next(t for t in tried if t.variant == f"defaults, {name}")
    chosen.append((f"**{OURS}, defaults, nothing tuned**", ours))
    rows = [
        [
            words,
            f"{one.false / one.days:.4f}",
            f"**{one.recall:.3f}** [{min(one.recalls):.2f}–{max(one.recalls):.2f}]",
            f"{one.delay:.0f}" if one.delay else "–",
            *(_stratum(*s) for s in one.strata),
        ]
        for words, one in sorted(chosen, key=lambda c: -c[1].recall)
    ]
    head = [
        "detector",
        "false alarms",
        "recall [seeds]",
        "median delay of those found, min",
        *NAMES,
    ]
    return table(head, rows)


def _stratum(recall: float, delay: float | None) -> str:
    return f"{recall:.2f}" + (f", {delay:.0f} min" if delay else "")


def kinds(tried: Sequence[Tried], name: str) -> str:
    """Show recall by kind of surge: ours on its defaults, ours with hindsight, the best of the others."""
    found = best(tried, RATES[name])
    ours = next(t for t in tried if t.variant == f"defaults, {name}")
    other = max((t for f, t in found.items() if f != OURS), key=lambda t: t.recall)
    chosen = [
        (f"{OURS}, defaults", ours),
        (f"{OURS}, hindsight", found[OURS]),
        (other.family, other),
    ]
    rows = [[words, *(f"{r:.2f}" for r in one.kinds.values())] for words, one in chosen]
    return table(["detector", *ours.kinds], rows)


def delays(delays: Sequence[Delay]) -> str:
    """Show how soon surges are found."""
    rows = []
    places = dict.fromkeys((d.low, d.high) for d in delays)
    for low, high in places:
        here = {(d.kind, d.drift): d for d in delays if (d.low, d.high) == (low, high)}
        least = [here[kind, False].floor for kind in ("×3", "×5", "×10")]
        name = f"exactly {low:g}" if low == high else f"{low:g} to {high:.0f}"
        cells = [
            _delay(here[kind, drift]) for drift in (False, True) for kind in ("×3", "×5", "×10")
        ]
        floor = " / ".join(f"{f:.0f}" if f else "–" for f in least) if low == high else ""
        rows.append([name, *cells, floor])
    head = [
        "stories an hour",
        *(f"{k}, {c}" for c in ("clean", "drift") for k in ("×3", "×5", "×10")),
    ]
    return table([*head, "floor ×3 / ×5 / ×10"], rows)


def _delay(delay: Delay) -> str:
    return f"{'–' if delay.median is None else f'{delay.median:.0f}'} ({delay.found:.0%})"


def variants(variants: Sequence[Variant]) -> str:
    """Show what other parameters would do."""
    rows = []
    for variant in variants:
        by_case = {n.case: n.rates for n in variant.nulls}
        found = {(d.low, d.high, d.kind, d.drift): d for d in variant.delays}
        rows.append(
            [
                variant.name,
                together(by_case["clean"]),
                together(by_case["drift"]),
                shown(by_case["drift"][-1]),
                *(
                    _delay(found[low, high, kind, drift])
                    for drift in (False, True)
                    for low, high, kind in (
                        (10.0, 10.0, "×5"),
                        (30.0, 30.0, "×10"),
                    )
                ),
            ]
        )
    head = ["parameters", "clean, all", "drift, all", "drift, 150/h"]
    for case in ("clean", "drift"):
        head += [f"×5 at 10/h, {case}", f"×10 at 30/h, {case}"]
    return table(head, rows)


def nab(scored: Sequence[Scored], which: str) -> str:
    """Show NAB's scores of one set."""
    rows = [
        [
            f"**{s.family}**" if s.family.startswith(OURS) else s.family,
            *(f"{s.scores[p]:.1f}" for p in PROFILES),
            str(s.detections),
            f"{s.found} of {s.windows}",
        ]
        for s in sorted(scored, key=lambda s: -s.scores["standard"])
        if s.set == which
    ]
    return table(["detector", *PROFILES, "detections", "windows found"], rows)


def headlines(runs: Sequence[Run]) -> str:
    """Show the alarms on the headlines against the budget."""
    rows = []
    for run in runs:
        plain = [a for a in run.alarms if not a.event]
        found = [f"{what}: {when or 'not found'}" for what, when in run.must.items()]
        rows.append(
            [
                f"{'keywords' if run.series == 2 else 'topics'} ({run.series}), {run.budget:.3g} a day",
                str(len(run.alarms)),
                str(len(run.alarms) - len(plain)),
                str(len(plain)),
                f"{run.budget * run.days:.0f}",
                "<br>".join(found),
            ]
        )
    head = [
        "series and budget",
        "alarms",
        "explained",
        "not explained",
        "budgeted",
        "had to be found",
    ]
    return table(head, rows)


def explained(run: Run) -> str:
    """Show every alarm of one run."""
    rows = [
        [
            a.series,
            a.about,
            str(a.onset),
            str(a.decided),
            f"{a.observed} / {a.expected:.1f}",
            a.event or "–",
        ]
        for a in run.alarms
    ]
    return table(["series", "about", "onset", "decided", "negative / expected", "event"], rows)


def replayed(run: Replayed) -> str:
    """Show every alarm on the items dated to the minute, and which way it was found."""
    rows = []
    for alarm in sorted({*run.offline, *run.live}):
        ways = [w for w, of in (("`detect`", run.offline), ("live", run.live)) if alarm in of]
        rows.append([alarm.series, alarm.kind, alarm.onset, alarm.decided, ", ".join(ways)])
    return table(["series", "about", "onset", "decided", "found by"], rows)
