"""The report of a run, for people (``report.md``) and for programs (``report.json``)."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from groundswell.models.bundle import EncoderSource
from groundswell.tasks import Function
from training.evaluation.scores import Score
from training.hardware import Hardware
from training.progress import Evaluation
from training.recipe import Recipe

Metrics = Mapping[str, Mapping[str, float]]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """
    Everything that was decided and measured in one run; ``rows`` counts train, dev and test.

    ``dev``, ``test`` and ``baseline`` hold a head's metrics by its name, ``confusion`` that of heads with
    one label on test. ``again`` is the command that repeats the run on the same rows; ``temperatures`` are
    those of heads that gained by one on dev.
    """

    command: str
    again: str
    strategy: str
    reason: str
    recipe: Recipe
    hardware: Hardware
    processes: int
    encoder: EncoderSource
    data: Mapping[str, str]
    licences: Mapping[str, str]
    rows: Mapping[str, int]
    functions: Sequence[Function]
    history: Sequence[Evaluation]
    best_step: int
    averaged: bool
    seconds: float
    dev: Metrics
    test: Metrics
    baseline: Metrics
    confusion: Mapping[str, Score]
    temperatures: Mapping[str, float] = {}
    doubts: Mapping[str, int]
    notes: Sequence[str]


def again(command: str, out: Path, *, split: bool) -> str:
    """Return the command that repeats a run into ``out``; ``split``: by the snapshot that it left there."""
    words = shlex.split(command)
    given = {word.partition("=")[0] for word in words}
    if "--out" not in given:
        words += ["--out", str(out)]
    if split and "--snapshot" not in given:
        words += ["--snapshot", str(out / "snapshot.json")]
    return shlex.join(words)


def write_report(report: Report, directory: Path) -> None:
    """Write both files into ``directory``."""
    encoded = msgspec.json.encode(report)
    (directory / "report.json").write_bytes(msgspec.json.format(encoded, indent=1))
    (directory / "report.md").write_text(as_markdown(report), encoding="utf-8")


def as_markdown(report: Report) -> str:
    """Return the report as Markdown."""
    rows = report.rows
    processes = f", {report.processes} processes" if report.processes > 1 else ""
    lines = [
        "# Training report",
        "",
        f"    {report.command}",
        "",
        f"Again{', on the same rows and the same split' if sum(rows.values()) else ''}:",
        "",
        f"    {report.again}",
        "",
        (
            f"Strategy {report.strategy}: {report.reason}. Encoder {report.encoder.name} "
            f"({report.encoder.licence}), weights `{report.encoder.sha256[:12]}`. "
            f"{_rows(rows)} "
            f"{report.seconds:.0f} s on {report.hardware.device}, {report.hardware.threads} threads{processes}, "
            f"{report.hardware.precision}; best step {report.best_step}"
            f"{', weights averaged' if report.averaged else ''}."
        ),
        *_scores(report),
    ]
    if report.temperatures:
        found = ", ".join(f"{name} {value:.3f}" for name, value in report.temperatures.items())
        lines += [
            "",
            f"Temperatures, fitted on dev and of use on rows held out of the fit: {found}.",
        ]
    for function in report.functions:
        if function.name in report.confusion:
            lines += ["", *_confusion(function, report.confusion[function.name])]
    if report.history:
        lines += ["", "| step | loss | dev | heads |", "|---|---|---|---|"]
        lines += [
            f"| {e.step} | {e.loss:.4f} | {e.score:.4f} | "
            + ", ".join(f"{name} {value:.3f}" for name, value in e.heads.items())
            + " |"
            for e in report.history
        ]
    if report.doubts:
        found = ", ".join(f"{count} {reason}" for reason, count in report.doubts.items())
        lines += ["", f"Labels to look at, in `review.jsonl`: {found}."]
    if report.data or report.notes:
        lines += ["", "Data:", ""]
    lines += [
        f"- {name} ({report.licences.get(name, 'not stated')}) `{digest}`"
        for name, digest in report.data.items()
    ]
    lines += [f"- {note}" for note in report.notes]
    return "\n".join(lines) + "\n"


def _rows(rows: Mapping[str, int]) -> str:
    if not sum(rows.values()):
        return "No rows: the functions' own descriptions and examples are all there was."
    return (
        f"{rows['train']} rows to train on, {rows['dev']} to choose the best step, {rows['test']} held out; "
        "near-duplicates stand together."
    )


def _scores(report: Report) -> list[str]:
    """Return the table of what was measured, a head's declared metrics first; nothing without rows."""
    lines = []
    for function in report.functions:
        first = [function.primary, *function.metrics]
        for part, scores in (("dev", report.dev), ("test", report.test)):
            found = scores.get(function.name, {})
            base = report.baseline.get(function.name, {}) if part == "test" else {}
            declared = [name for name in dict.fromkeys(first) if name in found]
            for metric in dict.fromkeys([*declared, *found]):
                if metric == "rows":
                    continue
                beside = f"{base[metric]:.3f}" if metric in base else "–"
                lines.append(
                    f"| {function.name} | {part} | {found['rows']:.0f} | {metric} | "
                    f"{found[metric]:.3f} | {beside} |"
                )
    header = ["", "| head | part | rows | metric | value | TF-IDF |", "|---|---|---|---|---|---|"]
    return [*header, *lines] if lines else []


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
