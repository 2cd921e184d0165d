"""The command ``groundswell train``; torch is imported when it runs, not when it is listed."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from groundswell.errors import InputError
from training.encoder import DEFAULT


def train(  # noqa: PLR0913 - each argument is an option of the command
    *,
    data: Annotated[list[Path], typer.Option("--data", help="JSON lines with labels; repeatable.")],
    out: Annotated[Path, typer.Option(help="Directory of the checkpoint.")],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="More data files.")
    ] = None,
    function: Annotated[
        list[str] | None,
        typer.Option(
            help="FILE.yaml, or NAME=derive to take the labels from the data; repeatable."
        ),
    ] = None,
    encoder: Annotated[
        str, typer.Option(help="Directory, installed package, or hf://owner/model@revision.")
    ] = DEFAULT,
    epochs: Annotated[int, typer.Option(min=1)] = 4,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Rows a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 2e-4,
    freeze: Annotated[str, typer.Option(help="embeddings, or none.")] = "embeddings",
    max_tokens: Annotated[int, typer.Option(min=8, max=8192)] = 128,
    dev_share: Annotated[
        float, typer.Option(min=0.01, max=0.5, help="Rows that choose the best step.")
    ] = 0.1,
    test_share: Annotated[float, typer.Option(min=0.0, max=0.5, help="Rows held out.")] = 0.1,
    patience: Annotated[
        int, typer.Option(min=1, help="Evaluations without a better score before it ends.")
    ] = 4,
    language: Annotated[list[str] | None, typer.Option(help="Of the data; repeatable.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="0: measured.")] = 0,
    precision: Annotated[str, typer.Option(help="auto (measured), fp32 or bf16.")] = "auto",
) -> None:
    """Train a model on labelled rows and write a checkpoint with its report."""
    for name, value, allowed in (
        ("--freeze", freeze, ("embeddings", "none")),
        ("--device", device, ("auto", "cpu", "cuda")),
        ("--precision", precision, ("auto", "fp32", "bf16")),
    ):
        if value not in allowed:
            raise InputError(f"{name} {value}: must be one of {', '.join(allowed)}")
    try:
        from training.loop import Recipe
        from training.report import as_markdown
        from training.train import Plan, run
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed: pip install 'groundswell[train]'"
        ) from error

    console = Console(stderr=True)
    report = run(
        Plan(
            data=(*data, *(more or ())),
            functions=tuple(function or ()),
            encoder=encoder,
            dev=dev_share,
            test=test_share,
            languages=tuple(language or ("en",)),
            device=device,
            threads=threads,
            precision=precision,
            command=shlex.join(["groundswell", *sys.argv[1:]]),
        ),
        Recipe(
            epochs=epochs,
            seed=seed,
            batch=batch,
            learning_rate=learning_rate,
            freeze=freeze,
            max_tokens=max_tokens,
            patience=patience,
        ),
        out,
        console,
    )
    typer.echo(as_markdown(report))
