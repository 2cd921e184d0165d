"""The command ``groundswell train``; torch is imported when it runs, not when it is listed."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console

from groundswell.errors import InputError
from training.encoder import DEFAULT
from training.recipe import Recipe

DEVICES: Final = ("auto", "cpu", "cuda")
PRECISIONS: Final = ("auto", "fp32", "bf16")


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
    recipe: Annotated[
        Path | None,
        typer.Option(help="JSON of a recipe, such as best.json of `tune`; options given here win."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=0, help="0: by the number of rows.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="1 unless told.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Rows a step; 32 unless told.")] = None,
    accumulate: Annotated[
        int | None,
        typer.Option(min=1, help="Compute a step's rows in so many parts, to save memory."),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
    freeze: Annotated[
        str | None, typer.Option(help="none, embeddings, layers:N or gradual.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=8, max=8192, help="Of a text; 128 unless told.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(min=1, help="Evaluations without a better score before it ends; 4."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="NAME=VALUE of any other part of the recipe, as in r_drop=1; repeatable."
        ),
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="Of the data; repeatable.")] = None,
    save_every: Annotated[
        float,
        typer.Option(min=0.0, help="Seconds between saves of the progress; 0: after each step."),
    ] = 120.0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="0: measured.")] = 0,
    precision: Annotated[str, typer.Option(help="auto (measured), fp32 or bf16.")] = "auto",
) -> None:
    """Train a model on labelled rows and write a checkpoint with its report."""
    check_choice("--split-by", split_by, ("cluster", "time"))
    check_choice("--device", device, DEVICES)
    check_choice("--precision", precision, PRECISIONS)
    how = recipe_of(
        recipe,
        option or (),
        epochs=epochs,
        seed=seed,
        batch=batch,
        accumulate=accumulate,
        learning_rate=learning_rate,
        freeze=freeze,
        max_tokens=max_tokens,
        patience=patience,
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

    # Of several processes one speaks.
    first = os.environ.get("RANK", "0") == "0"
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
                    seed=how.seed,
                    by="time" if split_by == "time" else "cluster",
                    max_chars=how.max_chars,
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
            save_every=save_every,
            command=shlex.join(["groundswell", *sys.argv[1:]]),
        ),
        how,
        out,
        Console(stderr=True, quiet=not first),
    )
    if first:
        typer.echo(as_markdown(report))


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ``InputError`` when an option's value is none of those allowed."""
    if value not in allowed:
        raise InputError(f"{name} {value}: must be one of {', '.join(allowed)}")


def recipe_of(file: Path | None, options: Sequence[str], **given: Any) -> Recipe:
    """
    Return the recipe of a JSON file, with what is ``given`` and not ``None``, then ``NAME=VALUE`` options.

    Raises ``InputError`` that names what is wrong.
    """
    fields = {field.name for field in msgspec.structs.fields(Recipe)}
    values = read_recipe(file) if file else {}
    values |= {name: value for name, value in given.items() if value is not None}
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


def read_recipe(file: Path) -> dict[str, Any]:
    """Return what a JSON file says of a recipe; raises ``InputError``."""
    try:
        return msgspec.structs.asdict(msgspec.json.decode(file.read_bytes(), type=Recipe))
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{file}: not a recipe ({error})") from error
