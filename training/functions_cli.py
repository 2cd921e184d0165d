"""
The commands ``groundswell functions list | show | check | guide``.

They need the default install and PyYAML; torch is never imported.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from groundswell.errors import InputError
from groundswell.tasks import Function, content_hash
from training.functions import find_function, load_function, shipped, source_of

functions = typer.Typer(
    help="Look at, check and explain functions: what a head is asked, and what its labels mean.",
    no_args_is_help=True,
)

Which = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A shipped function, or a file.")]


@functions.command(name="list")
def list_functions() -> None:
    """List the functions that come with the project."""
    rows = [("name", "version", "field", "output", "labels", "hash")]
    for path in shipped().values():
        function = load_function(path)
        rows.append(
            (
                function.name,
                str(function.version),
                function.field,
                function.output,
                str(len(function.labels)),
                content_hash(function)[:12],
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@functions.command()
def show(
    which: Which,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what a function says, in short, or whole as JSON."""
    function = find_function(which)
    if as_json:
        typer.echo(msgspec.json.encode(function).decode())
        return
    for line in _shown(function):
        typer.echo(line)


def _shown(function: Function) -> list[str]:
    lines = [
        f"{function.name} {function.version}  sha256:{content_hash(function)}",
        function.described(),
        "",
        f"field    {function.field}",
        f"input    {function.input.template}  (of a long text: {function.input.truncation})",
        f"output   {function.output}",
        f"metrics  {function.primary} chooses; {', '.join(function.metrics) or 'all are reported'}",
        f"slices   {', '.join(function.slices) or 'none of its own'}",
        f"tests    {', '.join((*function.invariance, *(t.name for t in function.directions))) or 'none'}",
        "",
    ]
    for label in function.labels:
        words = len(function.lexicon.get(label.name, ()))
        examples = len(label.exemplars())
        lines.append(f"{label.name}: {label.described()} ({examples} examples, {words} words)")
    return lines


@functions.command()
def check(which: Which) -> None:
    """Report everything that is wrong with a function file, and its weak spots; 1 if it is wrong."""
    name, source = source_of(which)
    try:
        from training.function_check import check_function
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is not installed: pip install pyyaml") from error

    checked = check_function(source)
    for fault in checked.faults:
        typer.echo(fault.shown(name))
    for weak in checked.weak:
        typer.echo(f"weak: {weak.shown(name)}")
    if checked.function is None:
        typer.echo(f"{name}: {len(checked.faults)} to mend")
        raise typer.Exit(1)
    typer.echo(f"{name}: right, {len(checked.weak)} weak spots")


@functions.command()
def guide(
    which: Which,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to write it.")] = None,
) -> None:
    """Write the annotator's page of a function, in Markdown."""
    from training.function_guide import guide as page
    from training.function_phrases import PHRASES

    if language not in PHRASES:
        raise InputError(f"--language {language}: must be one of {', '.join(PHRASES)}")
    text = page(find_function(which), language)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror})") from error
