"""The report of an evaluation as Markdown; ``report.json`` holds the same figures. Pure."""

from collections.abc import Sequence

from training.evaluation.bootstrap import Estimate
from training.evaluation.figures import Evaluation, HeadFigures
from training.evaluation.sections import (
    behaviour_section,
    calibration_section,
    faithfulness_section,
    slices_section,
    tokens_section,
)
from training.evaluation.tables import count, percent, ranged, short, signed, table

_MEGA = 1e6


def as_markdown(found: Evaluation) -> str:
    """Return the report."""
    model = found.model
    lines = [
        "# Evaluation report",
        "",
        f"    {found.command}",
        "",
        (
            f"{model.kind.capitalize()} {model.name}, {model.precision}, {count(model.threads, 'thread')}: "
            f"{found.bytes / _MEGA:.1f} MB, {found.speed.items_per_second:.0f} items a second in batches, "
            f"{found.speed.milliseconds_alone:.1f} ms for one alone ({found.speed.items} texts of the data). "
            f"{found.rows:,} rows were read, {found.judged:,} judged. Figures in brackets are 95 % intervals."
        ),
        "",
        *_summary(found),
    ]
    for head in found.heads:
        lines += ["", *_head(head, found.pictures.get(head.name, ()))]
    lines += ["", "## Data", ""]
    rows = [
        [each.name, part, f"{each.rows:,}", each.licence, f"`{each.sha256[:12]}`"]
        for part, sets in (("evaluated", found.data), ("trained on", found.train_data))
        for each in sets
    ]
    lines += table(["set", "part", "rows", "licence", "SHA-256"], rows)
    if found.notes:
        lines += ["", "## Left out", "", *(f"- {note}" for note in found.notes)]
    return "\n".join(lines) + "\n"


def _summary(found: Evaluation) -> list[str]:
    rows = []
    for head in found.heads:
        scores = head.scores
        tokens = head.output == "tokens"
        beside = head.baseline
        rows.append(
            [
                head.name,
                f"{scores.rows:,}",
                ranged(scores.accuracy),
                ranged(scores.macro_f1),
                f"entity {ranged(scores.micro_f1)}" if tokens else ranged(scores.micro_f1),
                short(beside.scores.macro_f1.value) if beside else "–",
                signed(beside.paired.macro_f1) if beside else "–",
            ]
        )
    return table(
        ["head", "rows", "accuracy", "macro-F1", "micro-F1", "TF-IDF macro-F1", "difference"], rows
    )


def _head(head: HeadFigures, pictures: Sequence[str]) -> list[str]:
    scores = head.scores
    seen = _seen(head)
    rows = [
        [
            head.labels[n],
            f"{scores.support[n]:,}",
            ranged(scores.precision[n]),
            ranged(scores.recall[n]),
            ranged(scores.f1[n]),
        ]
        for n in seen
    ]
    what = "stretches" if head.output == "tokens" else "rows"
    lines = [
        f"## {head.name}",
        "",
        *table(["label", what, "precision", "recall", "F1"], rows),
    ]
    unseen = [name for n, name in enumerate(head.labels) if n not in seen]
    if unseen:
        lines += ["", f"Neither true of any row nor given to one: {', '.join(unseen)}."]
    lines += tokens_section(head)
    lines += _confusion(head)
    lines += _comparisons(head)
    lines += _neighbours(head)
    lines += calibration_section(head)
    lines += slices_section(head)
    lines += behaviour_section(head)
    lines += faithfulness_section(head)
    if pictures:
        lines += ["", *(f"![{name.removesuffix('.png')}]({name})" for name in pictures)]
    if head.notes:
        lines += ["", "Not measured:", "", *(f"- {note}" for note in head.notes)]
    return lines


def _confusion(head: HeadFigures) -> list[str]:
    if head.confusion is None:
        return []
    seen = _seen(head)
    names = [head.labels[n] for n in seen]
    rows = [[head.labels[i], *(f"{head.confusion[i][j]:,}" for j in seen)] for i in seen]
    return ["", "Confusion; rows are the truth:", "", *table(["", *names], rows)]


def _seen(head: HeadFigures) -> list[int]:
    """Return the places of the labels that are true of a row, or were given to one."""
    if head.confusion is None:
        return list(range(len(head.labels)))
    given = [sum(line[n] for line in head.confusion) for n in range(len(head.labels))]
    return [n for n, support in enumerate(head.scores.support) if support or given[n]]


def _comparisons(head: HeadFigures) -> list[str]:
    rows = []
    for other in (head.baseline, head.against):
        if other is not None:
            pair = other.paired
            rows.append(
                [
                    other.name,
                    short(other.scores.accuracy.value),
                    short(_primary(head, other.scores).value),
                    signed(pair.accuracy),
                    signed(_primary(head, pair)),
                    f"{pair.better} / {pair.worse}",
                    f"{pair.p:.2g}",
                    percent(other.agreement),
                ]
            )
    if not rows:
        return []
    return [
        "",
        "Against others on the same rows; differences are this model minus the other:",
        "",
        *table(
            [
                "other",
                "its accuracy",
                f"its {_metric(head)}",
                "accuracy",
                _metric(head),
                "only this / only the other right",
                "McNemar p",
                "same answer",
            ],
            rows,
        ),
    ]


def _neighbours(head: HeadFigures) -> list[str]:
    found = head.neighbours
    if found is None:
        return []
    rows = [
        [name, f"{part.rows:,}", ranged(part.accuracy), ranged(_primary(head, part))]
        for name, part in (
            ("with one", found.near_scores),
            ("without", found.other_scores),
        )
        if part is not None
    ]
    return [
        "",
        f"{found.near:,} of {found.rows:,} rows have a near-duplicate among the training rows:",
        "",
        *table(["near-duplicate", "rows", "accuracy", _metric(head)], rows),
    ]


def _primary(head: HeadFigures, scores: object) -> Estimate:
    value = getattr(scores, head.primary)
    if not isinstance(value, Estimate):
        raise TypeError(head.primary)
    return value


def _metric(head: HeadFigures) -> str:
    if head.output == "tokens":
        return "entity F1"
    return {"macro_f1": "macro-F1", "micro_f1": "micro-F1"}.get(head.primary, head.primary)
