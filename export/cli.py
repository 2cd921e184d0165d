"""The command ``groundswell export``; torch is imported when it runs, not when it is listed."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from groundswell.errors import InputError

if TYPE_CHECKING:
    from export.make import Precision

PRECISIONS = ("fp32", "fp16", "int8", "int8-reduced")


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Directory that `groundswell train` wrote.")],
    *,
    out: Annotated[Path, typer.Option(help="Directory of the bundle; replaced if it is one.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the bundle; the directory's by default.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"Keep only this graph: {', '.join(PRECISIONS)}; repeatable."),
    ] = None,
) -> None:
    """Turn a checkpoint into a checked, quantised bundle that `consume` can load."""
    for precision in only or ():
        if precision not in PRECISIONS:
            raise InputError(f"--only {precision}: must be one of {', '.join(PRECISIONS)}")
    try:
        from export.make import make_bundle
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed: pip install 'groundswell[train]'"
        ) from error

    manifest = make_bundle(
        checkpoint,
        out,
        name=name or out.resolve().name,
        precisions=cast("tuple[Precision, ...]", tuple(only or PRECISIONS)),
        created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        console=Console(stderr=True),
    )
    typer.echo(f"{out}: {manifest.id}")
