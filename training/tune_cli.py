"""The command ``groundswell tune``; torch and optuna are imported when it runs, not when it is listed."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from groundswell.errors import InputError
from training.cli import DEVICES, PRECISIONS, check_choice, recipe_of
from training.encoder import DEFAULT


def tune(  # noqa: PLR0913 - each argument is an option of the command
    *,
    out: Annotated[Path, typer.Option(help="Directory for best.json, the table and the journal.")],
    data: Annotated[
        list[str], typer.Option("--data", help="JSON lines, CSV, or hf://…; repeatable.")
    ],
    trials: Annotated[
        int, typer.Option(min=1, help="In all, those of an earlier start among them.")
    ] = 20,
    share: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Of the training rows, on which trials train.")
    ] = 0.3,
    storage: Annotated[
        Path | None,
        typer.Option(help="Journal of the search, to take it up; in --out unless told."),
    ] = None,
    function: Annotated[list[str] | None, typer.Option(help="As for train; repeatable.")] = None,
    strategy: Annotated[str, typer.Option(help="auto, lora or full.")] = "auto",
    encoder: Annotated[str, typer.Option(help="As for train.")] = DEFAULT,
    card: Annotated[
        list[Path] | None, typer.Option(help="Card of a data file; repeatable.")
    ] = None,
    allow_licence: Annotated[
        list[str] | None, typer.Option(help="Allow data of this licence; repeatable.")
    ] = None,
    snapshot: Annotated[
        Path | None, typer.Option(help="Search on the split of an earlier run: its snapshot.json.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="JSON of the recipe to search around.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE of a part of that recipe; repeatable."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="1 unless told.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="0: measured.")] = 0,
    precision: Annotated[str, typer.Option(help="auto (measured), fp32 or bf16.")] = "auto",
) -> None:
    """Search for a better recipe by trials on a share of the rows; a killed search goes on."""
    check_choice("--device", device, DEVICES)
    check_choice("--precision", precision, PRECISIONS)
    how = recipe_of(recipe, option or (), seed=seed)
    try:
        from training.data.prepare import Wish
        from training.material import Sources
        from training.train import Plan
        from training.tune import BEST, Search, table
        from training.tune import tune as search
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed: pip install 'groundswell[train]'"
        ) from error

    found = search(
        Plan(
            sources=Sources(
                data=tuple(data),
                functions=tuple(function or ()),
                cards=tuple(card or ()),
                allowed=tuple(allow_licence or ()),
                snapshot=snapshot,
                wish=Wish(seed=how.seed, max_chars=how.max_chars, doubt=False),
            ),
            strategy=strategy,
            encoder=encoder,
            device=device,
            threads=threads,
            precision=precision,
            command="",
        ),
        how,
        Search(trials=trials, share=share, storage=storage),
        out,
        Console(stderr=True),
    )
    typer.echo(table(found))
    typer.echo(f"groundswell train --recipe {out / BEST} … trains with the first of these.")
