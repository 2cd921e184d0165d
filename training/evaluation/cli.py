"""The command ``groundswell evaluate``; torch and matplotlib are imported when it runs."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from groundswell.errors import InputError


def evaluate(  # noqa: PLR0913 - each argument is an option of the command
    *,
    model: Annotated[Path, typer.Argument(help="Directory of a checkpoint or of a bundle.")],
    data: Annotated[
        list[str], typer.Option("--data", help="Rows with labels: JSON lines or CSV; repeatable.")
    ],
    function: Annotated[
        list[str] | None,
        typer.Option(help="Only this head: its name, or FILE.yaml with its tests; repeatable."),
    ] = None,
    card: Annotated[
        list[Path] | None, typer.Option(help="Card of a data file (YAML); repeatable.")
    ] = None,
    train_data: Annotated[
        list[str] | None,
        typer.Option(help="What it was trained on, for the baseline and near-duplicates."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another checkpoint or bundle to compare with.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the report; none: MODEL-evaluation.")
    ] = None,
    precision: Annotated[
        str, typer.Option(help="Graph of a bundle (int8, fp32, …); fp32 or bf16 of a checkpoint.")
    ] = "",
    against_precision: Annotated[
        str, typer.Option(help="The same of the model given with --against.")
    ] = "",
    device: Annotated[str, typer.Option(help="Of a checkpoint: cpu, cuda or auto.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = 1,
    most: Annotated[
        int, typer.Option(min=1, help="Texts that each behavioural test asks about.")
    ] = 300,
) -> None:
    """Measure a model on labelled rows and write a report with intervals."""
    if device not in {"auto", "cpu", "cuda"}:
        raise InputError(f"--device {device}: must be one of auto, cpu, cuda")
    try:
        from training.evaluation.report import as_markdown
        from training.evaluation.run import Plan, run
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed: pip install 'groundswell[train]'"
        ) from error

    plan = Plan(
        model=model,
        data=tuple(data),
        functions=tuple(function or ()),
        cards=tuple(card or ()),
        train_data=tuple(train_data or ()),
        against=against,
        precision=precision,
        against_precision=against_precision,
        device=device,
        threads=threads,
        most=most,
        command=shlex.join(["groundswell", *sys.argv[1:]]),
    )
    typer.echo(as_markdown(run(plan, out or Path(f"{model}-evaluation"))))
