"""The command ``groundswell train``; torch is imported when it runs, not when it is listed."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from groundswell.errors import InputError
from training.encoder import DEFAULT
from training.recipe import Recipe


def train(  # noqa: PLR0913 - each argument is an option of the command
    *,
    out: Annotated[Path, typer.Option(help="Directory of the checkpoint.")],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="JSON lines, CSV, or hf://owner/name[:split]; repeatable."),
    ] = None,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="More data files.")
    ] = None,
    function: Annotated[
        list[str] | None,
        typer.Option(
            help="A shipped function's name, FILE.yaml, or NAME=derive to take the labels from the "
            "data; repeatable."
        ),
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(help="auto (by labels a class), zero-shot, few-shot, lora or full."),
    ] = "auto",
    encoder: Annotated[
        str, typer.Option(help="Directory, installed package, or hf://owner/model@revision.")
    ] = DEFAULT,
    card: Annotated[
        list[Path] | None, typer.Option(help="Card of a data file; repeatable.")
    ] = None,
    allow_licence: Annotated[
        list[str] | None, typer.Option(help="Allow data of this licence; repeatable.")
    ] = None,
    dev_share: Annotated[
        float, typer.Option(min=0.01, max=0.5, help="Rows that choose the best step.")
    ] = 0.1,
    test_share: Annotated[float, typer.Option(min=0.0, max=0.5, help="Rows held out.")] = 0.1,
    split_by: Annotated[str, typer.Option(help="cluster, or time (the newest are held out).")] = (
        "cluster"
    ),
    snapshot: Annotated[
        Path | None, typer.Option(help="Repeat the split of an earlier run: its snapshot.json.")
    ] = None,
    review: Annotated[
        bool, typer.Option(help="Look for doubtful labels, and write them to review.jsonl.")
    ] = True,
    drop_conflicts: Annotated[
        bool, typer.Option(help="Do not train on labels that contradict one another.")
    ] = False,
    epochs: Annotated[int, typer.Option(min=0, help="0: by the number of rows.")] = 0,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Rows a step.")] = 32,
    accumulate: Annotated[
        int, typer.Option(min=1, help="Compute a step's rows in so many parts, to save memory.")
    ] = 1,
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
    freeze: Annotated[
        str | None, typer.Option(help="none, embeddings, layers:N or gradual.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=8, max=8192)] = 128,
    patience: Annotated[
        int, typer.Option(min=1, help="Evaluations without a better score before it ends.")
    ] = 4,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="NAME=VALUE of any other part of the recipe, as in r_drop=1; repeatable."
        ),
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="Of the data; repeatable.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="0: measured.")] = 0,
    precision: Annotated[str, typer.Option(help="auto (measured), fp32 or bf16.")] = "auto",
) -> None:
    """Train a model on labelled rows and write a checkpoint with its report."""
    for name, value, allowed in (
        ("--split-by", split_by, ("cluster", "time")),
        ("--device", device, ("auto", "cpu", "cuda")),
        ("--precision", precision, ("auto", "fp32", "bf16")),
    ):
        if value not in allowed:
            raise InputError(f"{name} {value}: must be one of {', '.join(allowed)}")
    given = {"learning_rate": learning_rate, "freeze": freeze}
    recipe = recipe_of(
        option or (),
        epochs=epochs,
        seed=seed,
        batch=batch,
        accumulate=accumulate,
        max_tokens=max_tokens,
        patience=patience,
        **{name: value for name, value in given.items() if value is not None},
    )
    try:
        from training.data.prepare import Wish
        from training.material import Sources
        from training.report import as_markdown
        from training.train import Plan, run
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed: pip install 'groundswell[train]'"
        ) from error

    report = run(
        Plan(
            sources=Sources(
                data=(*(data or ()), *(more or ())),
                functions=tuple(function or ()),
                cards=tuple(card or ()),
                allowed=tuple(allow_licence or ()),
                snapshot=snapshot,
                wish=Wish(
                    dev=dev_share,
                    test=test_share,
                    seed=seed,
                    by="time" if split_by == "time" else "cluster",
                    max_chars=recipe.max_chars,
                    doubt=review,
                    drop_conflicts=drop_conflicts,
                ),
            ),
            strategy=strategy,
            encoder=encoder,
            languages=tuple(language or ("en",)),
            device=device,
            threads=threads,
            precision=precision,
            command=shlex.join(["groundswell", *sys.argv[1:]]),
        ),
        recipe,
        out,
        Console(stderr=True),
    )
    typer.echo(as_markdown(report))


def recipe_of(options: list[str] | tuple[()], **given: Any) -> Recipe:
    """Return the recipe with ``NAME=VALUE`` options set; raises ``InputError`` that names a bad one."""
    fields = {field.name for field in msgspec.structs.fields(Recipe)}
    values: dict[str, Any] = dict(given)
    for text in options:
        name, separator, value = text.partition("=")
        if not separator or name not in fields:
            raise InputError(
                f"--set {text}: must be NAME=VALUE with one of {', '.join(sorted(fields))}"
            )
        values[name] = value
    try:
        return msgspec.convert(values, Recipe, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"the recipe: {error}") from error
