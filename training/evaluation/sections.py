"""The sections of a head that only some heads have, as Markdown. Pure."""

from training.evaluation.behaviour import Behaviour
from training.evaluation.bootstrap import Estimate
from training.evaluation.figures import HeadFigures
from training.evaluation.tables import percent, quoted, ranged, short, signed, table


def tokens_section(head: HeadFigures) -> list[str]:
    """Return the figures over tokens: O counted, the B- tags, and stretches of whole tokens."""
    found = head.by_token
    if found is None:
        return []
    names = head.labels
    first = [found.tokens.per_tag[f"B-{name}"] for name in names]
    whole = [found.entities.per_label[name] for name in names]
    rows = [
        ["B- tags, F1", short(found.tokens.micro_f1), *(short(tally.f1) for tally in first)],
        ["stretches of whole tokens, F1", short(found.entities.f1), *(short(t.f1) for t in whole)],
        ["true", f"{found.tokens.words:,}", *(f"{tally.support:,}" for tally in first)],
    ]
    return [
        "",
        (
            f"Over tokens ({found.own:,} of {head.scores.rows:,} rows over the data's own); the first row's "
            "micro-F1 is over all tokens, O counted:"
        ),
        "",
        *table(["", "micro", *names], rows),
    ]


def calibration_section(head: HeadFigures) -> list[str]:
    """Return how far confidence can be taken at its word, and what leaving out would gain."""
    lines: list[str] = []
    found = head.calibration
    if found is not None:
        advice = (
            f"take the temperature {found.temperature:.3f}"
            if found.adopted
            else f"leave it as it is (the temperature {found.temperature:.3f} does not help on held-out rows)"
        )
        lines += [
            "",
            (
                f"Calibration: ECE {found.ece:.3f}, NLL {found.nll:.4f} as served; with a temperature, on rows "
                f"that it was not fitted on, {found.fitted_ece:.3f} and {found.fitted_nll:.4f}: {advice}."
            ),
        ]
    if head.coverage is not None:
        shown = ", ".join(
            f"{100 * part:.0f} % {short(right)}" for part, right in head.coverage.shown
        )
        lines += [
            "",
            (
                f"Accuracy on the surest rows: {shown}. AURC {head.coverage.aurc:.4f}, of which "
                f"{head.coverage.excess:.4f} would be saved by an order that puts all mistakes last."
            ),
        ]
    return lines


def slices_section(head: HeadFigures) -> list[str]:
    """Return the scores by slice."""
    if not head.slices.slices:
        return []
    rows = [
        [each.by, each.value, f"{each.rows:,}", ranged(each.accuracy), ranged(each.primary)]
        for each in head.slices.slices
    ]
    name = "entity F1" if head.output == "tokens" else head.primary.replace("_f1", "-F1")
    lines = ["", *table(["slice", "", "rows", "accuracy", name], rows)]
    if head.slices.left_out:
        parts = (f"{by} {rows:,}" for by, rows in head.slices.left_out.items())
        lines += ["", f"Rows in no slice (no value, or a rare one): {', '.join(parts)}."]
    return lines


def behaviour_section(head: HeadFigures) -> list[str]:
    """Return the outcome of the behavioural tests, with some of the failures."""
    if not head.behaviour:
        return []
    rows = [
        [
            test.name,
            test.expected,
            f"{test.tried:,}",
            f"{test.same:,}",
            f"{test.flips:,}",
            _rate(test, test.flip_rate),
            _rate(test, test.failure_rate),
        ]
        for test in head.behaviour
    ]
    header = ["test", "expected", "texts", "read the same", "flips", "flip rate", "fails"]
    lines = ["", "Behaviour:", "", *table(header, rows)]
    failing = [test for test in head.behaviour if test.examples]
    if failing:
        lines += ["", "Failures, some of each:", ""]
        lines += [
            f"- {test.name}: {quoted(one.before)} ({one.label_before}) → {quoted(one.after)} "
            f"({one.label_after})"
            for test in failing
            for one in test.examples
        ]
    return lines


def _rate(test: Behaviour, rate: Estimate) -> str:
    """Show a rate, or none where every text reads the same and so cannot fail."""
    return percent(rate) if test.tried > test.same else "–"


def faithfulness_section(head: HeadFigures) -> list[str]:
    """Return whether the words that are said to matter do."""
    found = head.faithfulness
    if found is None:
        return []
    return [
        "",
        (
            f"Explanations, over {found.rows:,} texts: without the fifth of the words that speak for it most, the "
            f"label's probability falls by {ranged(found.top)}, without as many at random by "
            f"{ranged(found.random)}; the difference in points is {signed(found.difference)}."
        ),
    ]
