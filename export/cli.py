"""The command ``groundswell export``; torch is imported when it runs, not when it is listed."""

import shlex
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from groundswell.errors import InputError
from groundswell.options import ConfigOption, settings_of

if TYPE_CHECKING:
    from export.make import Precision

PRECISIONS = ("fp32", "fp16", "int8", "int8-reduced")


def export(  # noqa: PLR0913 - each argument is an option of the command
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
    gold: Annotated[
        list[str] | None,
        typer.Option(help="Labelled rows that no model was trained on; repeatable."),
    ] = None,
    champion: Annotated[
        str | None,
        typer.Option(
            help="What it is held against: a bundle's directory, or a version or alias of the registry; "
            "default: the registry's champion, if a registry is set."
        ),
    ] = None,
    live: Annotated[
        list[str] | None,
        typer.Option(
            help="Unlabelled rows as they stream, to count changed labels on; repeatable."
        ),
    ] = None,
    train_data: Annotated[
        list[str] | None,
        typer.Option(
            help="What it was trained on, to find gold rows that resemble it; default: as recorded."
        ),
    ] = None,
    card: Annotated[
        list[Path] | None, typer.Option(help="Card of a data file (YAML); repeatable.")
    ] = None,
    function: Annotated[
        list[Path] | None, typer.Option(help="A function with its tests (YAML); repeatable.")
    ] = None,
    allow_licence: Annotated[
        list[str] | None, typer.Option(help="Bless a model trained on such data; repeatable.")
    ] = None,
    most_milliseconds: Annotated[
        float | None, typer.Option(min=0.001, help="Of CPU for one text on this machine.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Private key to sign the bundle with.")] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Store it in the registry, as challenger if blessed.")
    ] = False,
    registry: Annotated[
        str | None, typer.Option(help="Directory or address; default: `registry_url`.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Turn a checkpoint into a checked, quantised bundle, and bless it if no gate refuses it."""
    for precision in only or ():
        if precision not in PRECISIONS:
            raise InputError(f"--only {precision}: must be one of {', '.join(PRECISIONS)}")
    try:
        from export.asked import Asked, plan_of, publish_bundle, registry_of
        from export.make import make_bundle
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed: pip install 'groundswell[train]'"
        ) from error

    opened = registry_of(settings_of(config), registry)
    if publish and opened is None:
        raise InputError("--publish: no registry is set; name one with --registry")
    with tempfile.TemporaryDirectory(prefix="groundswell-champion-") as scratch:
        asked = Asked(
            checkpoint=checkpoint,
            gold=tuple(gold or ()),
            champion=champion,
            live=tuple(live or ()),
            train_data=tuple(train_data or ()),
            cards=tuple(card or ()),
            functions=tuple(function or ()),
            licences=frozenset(allow_licence or ()),
            milliseconds=most_milliseconds,
        )
        manifest = make_bundle(
            checkpoint,
            out,
            name=name or out.resolve().name,
            precisions=cast("tuple[Precision, ...]", tuple(only or PRECISIONS)),
            created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            console=Console(stderr=True),
            gates=plan_of(asked, opened, Path(scratch)),
            key=key,
        )
    refused = [gate.name for gate in manifest.gates if gate.passed is False]
    typer.echo(f"{out}: {manifest.id}, " + ("blessed" if manifest.blessing else "not blessed"))
    if publish and opened is not None:
        typer.echo(publish_bundle(opened, out, blessed=manifest.blessing is not None))
    if refused:
        typer.echo(f"refused by {shlex.join(refused)}", err=True)
        raise typer.Exit(1)
