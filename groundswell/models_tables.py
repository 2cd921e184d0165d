"""
Versions of the registry as tables. Pure.

Rule: what stands in a manifest was written by somebody else: it is printed as text, never as markup.
"""

from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from groundswell.models.bundle import Manifest, Verdict, files_of
from groundswell.models.registry import Move, Version

SAID = {True: "passed", False: "refused", None: "not asked"}


def shown(
    manifest: Manifest, signer: str, moves: Sequence[Move], version: Version
) -> list[Table | Text]:
    """Return the parts of ``groundswell models show``."""
    return [_facts(manifest, signer), Text(), gates(manifest.gates), Text(), _moves(moves, version)]


def _facts(manifest: Manifest, signer: str) -> Table:
    table = Table(box=None, show_header=False)
    blessing = manifest.blessing
    said = "no"
    if blessing is not None:
        said = f"{blessing.at} by {blessing.by}"
        said += f", beside {blessing.champion}" if blessing.champion else ""
        if blessing.unchecked:
            said += f"; not checked: {', '.join(blessing.unchecked)}"
    rows = {
        "bundle": manifest.id,
        "made": manifest.created_at,
        "blessed": said,
        "signed with": signer or "–",
        "encoder": f"{manifest.encoder.name} ({manifest.encoder.licence})",
        "heads": "; ".join(f"{h.name}: {', '.join(h.labels)}" for h in manifest.heads),
        "files": "; ".join(f"{f.path} {f.bytes / 1e6:.1f} MB" for f in files_of(manifest)),
    }
    for name, value in rows.items():
        table.add_row(Text(name, "bold"), Text(value))
    return table


def gates(verdicts: Sequence[Verdict]) -> Table:
    """Return what the gates said, in their order."""
    table = Table("gate", "verdict", "figure", "threshold", "why", box=None)
    for verdict in verdicts:
        table.add_row(
            Text(verdict.name),
            SAID[verdict.passed],
            _number(verdict.figure),
            _number(verdict.threshold),
            Text(verdict.reason),
        )
    if not verdicts:
        table.add_row(Text("–"), "not asked", "", "", Text("it never stood before the gates"))
    return table


def _moves(moves: Sequence[Move], version: Version) -> Table:
    table = Table("alias", "move", "when", "by", "why", box=None)
    for move in moves:
        if move.version == version:
            what = f"named it, in place of {move.before or 'nothing'}"
        else:
            what = f"went from it to {move.version or 'nothing'}"
        why = f"by force: {move.reason}" if move.forced else move.reason
        table.add_row(move.alias, Text(what), Text(move.at), Text(move.by), Text(why))
    return table


def differences(before: Manifest, after: Manifest) -> Table:
    """Return a table of what differs: one line a fact."""
    table = Table("", escape(before.id), escape(after.id), box=None)
    old, new = dict(_flat(before)), dict(_flat(after))
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) != new.get(name):
            table.add_row(Text(name), Text(old.get(name, "–")), Text(new.get(name, "–")))
    return table


def _flat(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for name in ("created_at", "text_version", "max_tokens", "max_chars", "truncation"):
        yield name, str(getattr(manifest, name))
    yield "token_types", manifest.token_types
    yield "template", manifest.template
    yield "languages", ", ".join(manifest.languages)
    yield "encoder", f"{manifest.encoder.name} {manifest.encoder.sha256[:12]}"
    for head in manifest.heads:
        yield f"head {head.name}", f"{head.kind}: {', '.join(head.labels)}"
        yield f"head {head.name}, temperature", f"{head.temperature:g}"
        yield f"head {head.name}, threshold", f"{head.threshold:g}"
    for graph in manifest.graphs:
        size = f"{graph.file.bytes / 1e6:.1f} MB"
        yield f"graph {graph.precision}", f"{size} {graph.file.sha256[:12]} {graph.note}"
    yield "tokenizer", manifest.tokenizer.sha256[:12]
    for name, digest in manifest.data.items():
        yield f"data {name}", digest[:12]
    for group, figures in manifest.metrics.items():
        for name, value in figures.items():
            yield f"{group}, {name}", f"{value:g}"
    for verdict in manifest.gates:
        yield f"gate {verdict.name}", f"{SAID[verdict.passed]} {_number(verdict.figure)}".strip()
    yield "blessed", "yes" if manifest.blessing else "no"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
