"""The command ``groundswell explain``: one item, the words that made its label, and what the model came from."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from groundswell.errors import GroundswellError, InputError
from groundswell.models.bundle import MANIFEST, load_manifest
from groundswell.options import ConfigOption, JsonOption, settings_of
from groundswell.settings import Settings

if TYPE_CHECKING:
    from groundswell.models.explaining import Explained
    from training.refresh.lineage import Origin


def explain(  # noqa: PLR0913 - each argument is an option of the command
    item: Annotated[str, typer.Argument(metavar="ITEM_ID", help="As it stands in `id`.")],
    *,
    items: Annotated[
        list[str], typer.Option("--items", help="JSON lines that hold the item; repeatable.")
    ],
    bundle: Annotated[
        str | None,
        typer.Option(
            help="A directory, or a version or alias of the registry; default: the item's own."
        ),
    ] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Ask again without each word: a pass a word.")
    ] = False,
    runs: Annotated[
        list[Path] | None,
        typer.Option(help="Checkpoints, or folders of `refresh`, to find the run in; repeatable."),
    ] = None,
    as_json: JsonOption = False,
    registry: Annotated[str | None, typer.Option(help="Default: `registry_url`.")] = None,
    config: ConfigOption = None,
) -> None:
    """Say why an item has its label: words, bundle, run, data and licences."""
    from groundswell.models import explaining
    from training.refresh.lineage import origin_of
    from training.refresh.windows import texts_of

    settings = settings_of(config)
    row = _find(item, items)
    with _bundle(settings, registry, bundle, str(row.get("bundle") or "")) as (directory, note):
        manifest = load_manifest(directory)
        texts = texts_of([row], manifest)
        if not texts:
            raise InputError(f"item {item}: holds no text")
        found = explaining.explain(directory, texts[0], leave_out=leave_one_out)
        origin = origin_of(manifest, runs or ())
    if as_json:
        said = {"item": item, "said": row.get("sentiment"), "note": note, **found._asdict()}
        said["words"] = [word._asdict() for word in found.words]
        said["origin"] = msgspec.to_builtins(origin)
        typer.echo(msgspec.json.encode(said).decode())
        return
    show(item, found, origin, note)


def _find(item: str, files: list[str]) -> dict[str, Any]:
    from training.refresh.asking import id_of
    from training.refresh.labels import read_rows

    found = None
    for row in read_rows(files):
        if id_of(row) == item:
            found = row
    if found is None:
        raise InputError(f"{', '.join(files)}: no item has the id {item}")
    return found


@contextmanager
def _bundle(
    settings: Settings, url: str | None, wanted: str | None, own: str
) -> Iterator[tuple[Path, str]]:
    """Give the bundle that is asked for, else the one that labelled the item, else that of the settings."""
    from groundswell.models_commands import opened

    directory = Path(wanted) if wanted else settings.bundle
    if wanted and not (directory / MANIFEST).is_file():
        with tempfile.TemporaryDirectory(prefix="groundswell-explain-") as scratch:
            shelf = opened(settings, url)
            yield shelf.fetch(shelf.find(wanted), Path(scratch)), ""
        return
    if not wanted and own and (url or settings.registry_url):
        shelf = opened(settings, url)
        try:
            version = shelf.find(own)
        except GroundswellError:
            version = None
        if version is not None:
            with tempfile.TemporaryDirectory(prefix="groundswell-explain-") as scratch:
                yield shelf.fetch(version, Path(scratch)), ""
            return
    here = load_manifest(directory).id
    other = own and own != here
    yield directory, f"the item was labelled by {own}; this is what {here} says" if other else ""


def show(item: str, found: "Explained", origin: "Origin", note: str) -> None:
    """Print it for a person; nothing that stands in the item is taken for markup."""
    console = Console(markup=False, highlight=False)
    console.print(f"{item}: {found.text}")
    if note:
        console.print(note)
    for head, said in found.probabilities.items():
        best = sorted(said.items(), key=lambda pair: -pair[1])[:3]
        console.print(f"{head}: " + ", ".join(f"{label} {p:.2f}" for label, p in best))
    table = Table(title=f"{found.head}: {found.label}")
    table.add_column("word")
    table.add_column("part", justify="right")
    table.add_column("without it", justify="right")
    for word in sorted(found.words, key=lambda word: -abs(word.part)):
        without = "" if word.without is None else f"{word.without:+.3f}"
        table.add_row(word.text, f"{word.part:+.3f}", without)
    console.print(table)
    for line in lines_of(origin):
        console.print(line)


def lines_of(origin: "Origin") -> list[str]:
    """Return the way from the bundle to the licences, a line a station."""
    blessed = "blessed" if origin.blessed else "not blessed"
    if origin.compared_with:
        blessed += f", compared with {origin.compared_with}"
    lines = [
        f"bundle {origin.bundle}, made {origin.created_at}, {blessed}",
        f"encoder {origin.encoder}, licence {origin.encoder_licence}",
    ]
    if not origin.checkpoint:
        lines.append("its run was not found: name the checkpoint or the refresh folder with --runs")
    else:
        lines.append(f"run {origin.checkpoint}: {origin.command}")
        lines += [f"refreshed, since {reason}" for reason in origin.refresh]
    for name, digest in origin.data.items():
        rows = ", ".join(f"{count} {part}" for part, count in origin.rows.get(name, {}).items())
        licence = origin.licences.get(name, "not known here")
        lines.append(
            f"data {name}, licence {licence}, SHA-256 {digest[:16]}…" + f": {rows}" * bool(rows)
        )
    return lines
