"""The report of a run, for people (``report.md``) and for programs (``report.json``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from groundswell.models.bundle import EncoderSource
from groundswell.tasks import Function
from training.evaluate import Score
from training.hardware import Hardware
from training.loop import Evaluation, Recipe


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was decided and measured in one run; ``rows`` counts train, dev and test."""

    command: str
    recipe: Recipe
    hardware: Hardware
    encoder: EncoderSource
    data: Mapping[str, str]
    rows: Mapping[str, int]
    functions: Sequence[Function]
    history: Sequence[Evaluation]
    best_step: int
    seconds: float
    dev: Mapping[str, Score]
    test: Mapping[str, Score]
    baseline: Mapping[str, Score]


def write_report(report: Report, directory: Path) -> None:
    """Write both files into ``directory``."""
    encoded = msgspec.json.encode(report)
    (directory / "report.json").write_bytes(msgspec.json.format(encoded, indent=1))
    (directory / "report.md").write_text(as_markdown(report), encoding="utf-8")


def as_markdown(report: Report) -> str:
    """Return the report as Markdown."""
    rows = report.rows
    lines = [
        "# Training report",
        "",
        f"    {report.command}",
        "",
        (
            f"Encoder {report.encoder.name} ({report.encoder.licence}), weights `{report.encoder.sha256[:12]}`. "
            f"{rows['train']} rows to train on, {rows['dev']} to choose the best step, {rows['test']} held out; "
            "near-duplicates stand together. "
            f"{report.seconds:.0f} s on {report.hardware.device}, {report.hardware.threads} threads, "
            f"{report.hardware.precision}; best step {report.best_step}."
        ),
        "",
        "| head | part | rows | accuracy | macro-F1 | TF-IDF accuracy | TF-IDF macro-F1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for function in report.functions:
        for part, scores in (("dev", report.dev), ("test", report.test)):
            if function.name in scores:
                score = scores[function.name]
                base = report.baseline.get(function.name) if part == "test" else None
                beside = f"{base.accuracy:.3f} | {base.macro_f1:.3f}" if base else "– | –"
                lines.append(
                    f"| {function.name} | {part} | {score.rows} | {score.accuracy:.3f} "
                    f"| {score.macro_f1:.3f} | {beside} |"
                )
    for function in report.functions:
        if function.name in report.test:
            lines += ["", *_confusion(function, report.test[function.name])]
    lines += ["", "| step | loss | dev macro-F1 |", "|---|---|---|"]
    lines += [f"| {e.step} | {e.loss:.4f} | {e.score:.4f} |" for e in report.history]
    lines += ["", "Data:", ""]
    lines += [f"- {name} `{digest}`" for name, digest in report.data.items()]
    return "\n".join(lines) + "\n"


def _confusion(function: Function, score: Score) -> list[str]:
    names = function.label_names
    lines = [
        f"## {function.name}, held out: rows are the truth",
        "",
        f"| | {' | '.join(names)} | F1 |",
        "|---" * (len(names) + 2) + "|",
    ]
    for name, counts, f1 in zip(names, score.confusion, score.f1, strict=True):
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {f1:.3f} |")
    return lines
