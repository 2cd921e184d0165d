"""The command ``groundswell drift``: whether what comes in is still like what the model was made on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from groundswell.errors import InputError
from groundswell.options import ConfigOption, JsonOption, settings_of

if TYPE_CHECKING:
    from groundswell.drift.judging import Verdict
    from training.refresh.windows import Answer


def drift(  # noqa: PLR0913 - each argument is an option of the command
    files: Annotated[
        list[str],
        typer.Argument(help="JSON lines with `text`, or `title` and `body`, in order of time."),
    ],
    *,
    bundle: Annotated[Path | None, typer.Option(help="Directory of the model bundle.")] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            help="An earlier part of the stream, in place of the bundle's sample; repeatable."
        ),
    ] = None,
    window: Annotated[int, typer.Option(min=30, help="Stories a window.")] = 200,
    share: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Of windows without drift that may alarm.")
    ] = 0.05,
    plot: Annotated[
        Path | None, typer.Option(help="Write the tests of every window as an image.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Compare a stream with a reference, window by window; exit code 1 if the last two are unlike it."""
    from groundswell.drift.judging import advice
    from training.refresh.windows import Question, ask

    settings = settings_of(config)
    question = Question(tuple(files), tuple(reference or ()), window, share)
    answer = ask(bundle or settings.bundle, question, settings.threads or 1)
    act, why = advice(answer.verdicts)
    if plot is not None:
        _plot(answer, plot)
    if as_json:
        typer.echo(msgspec.json.encode(_as_object(answer, why, act=act)).decode())
    else:
        show(answer, Console())
        typer.echo(why)
    if act:
        raise typer.Exit(1)


def show(answer: "Answer", console: Console) -> None:
    """Print a table of the last window's tests, and a line for each earlier window."""
    for number, verdict in enumerate(answer.verdicts[:-1], start=1):
        console.print(f"window {number}: {_line(verdict)}", markup=False)
    last = answer.verdicts[-1]
    table = Table(title=f"{answer.bundle}: window {len(answer.verdicts)}, {_line(last)}")
    for name in ("test", "statistic", "usual", "p", "corrected", ""):
        table.add_column(name, justify="left" if name in {"test", ""} else "right")
    for test in last.tests:
        mark = "unlike" if test.adjusted <= last.share else ""
        numbers = (test.statistic, test.usual, test.p, test.adjusted)
        table.add_row(test.name, *(f"{number:.4f}" for number in numbers), mark)
    console.print(table)
    for name, why in last.unasked.items():
        console.print(f"not asked: {name}: {why}", markup=False)


def _line(verdict: "Verdict") -> str:
    told = ", ".join(verdict.alarms) or "like the reference"
    return f"{verdict.texts} texts, {verdict.stories} stories: {told}"


def _as_object(answer: "Answer", why: str, *, act: bool) -> dict[str, Any]:
    return {
        "bundle": answer.bundle,
        "reference": answer.reference,
        "act": act,
        "why": why,
        "windows": [
            {
                "texts": verdict.texts,
                "stories": verdict.stories,
                "alarms": verdict.alarms,
                "tests": [test._asdict() for test in verdict.tests],
                "unasked": verdict.unasked,
            }
            for verdict in answer.verdicts
        ],
    }


def _plot(answer: "Answer", path: Path) -> None:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise InputError(
            f"--plot: {error.name} is not installed: pip install matplotlib"
        ) from error

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    numbers = range(1, len(answer.verdicts) + 1)
    for place, test in enumerate(answer.verdicts[0].tests):
        values = [verdict.tests[place].adjusted for verdict in answer.verdicts]
        axes.plot(numbers, values, marker="o", label=test.name)
    axes.axhline(answer.verdicts[0].share, color="black", linestyle="--", label="alarms below")
    axes.set(
        yscale="log", xlabel="window", ylabel="corrected p-value", title=f"drift of {answer.bundle}"
    )
    axes.legend(fontsize="small", ncols=2)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise InputError(f"--plot {path}: cannot be written ({error})") from error
