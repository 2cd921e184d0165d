"""From a bundle back to what it was made of: the run, the snapshot of its data, and their licences."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from groundswell.errors import InputError
from groundswell.models.bundle import Manifest, sha256_of
from training.data.snapshot import NAME as SNAPSHOT
from training.data.snapshot import read_snapshot
from training.refresh.journal import Journal

_WEIGHTS = "model.safetensors"
_CHECKPOINT = "checkpoint.json"
_DIGITS = 12


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a bundle comes from.

    ``data`` holds the SHA-256 of each set. ``checkpoint`` is the run's directory, "" where none of those
    looked at has its weights; then licences, rows and command are not known here. ``refresh`` says why the
    refresh was begun that made it.
    """

    bundle: str
    created_at: str
    encoder: str
    encoder_licence: str
    data: dict[str, str]
    blessed: bool
    compared_with: str = ""
    checkpoint: str = ""
    command: str = ""
    licences: dict[str, str] = {}
    rows: dict[str, dict[str, int]] = {}
    refresh: tuple[str, ...] = ()


def origin_of(manifest: Manifest, folders: Sequence[Path]) -> Origin:
    """Follow a bundle to its run; ``folders`` are checkpoints, or folders of refreshes. Raises ``InputError``."""
    found = Origin(
        bundle=manifest.id,
        created_at=manifest.created_at,
        encoder=manifest.encoder.name,
        encoder_licence=manifest.encoder.licence,
        data=dict(manifest.data),
        blessed=manifest.blessing is not None,
        compared_with=manifest.blessing.champion if manifest.blessing else "",
    )
    for folder in _checkpoints(folders):
        if manifest.version.endswith(sha256_of(folder / _WEIGHTS)[:_DIGITS]):
            return _with_run(found, folder)
    return found


def _checkpoints(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in (folder, *sorted(folder.glob("runs/*/checkpoint"), reverse=True)):
            if (path / _WEIGHTS).is_file():
                yield path


def _with_run(origin: Origin, folder: Path) -> Origin:
    path = folder / _CHECKPOINT
    try:
        held: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    rows: dict[str, dict[str, int]] = {}
    if (folder / SNAPSHOT).is_file():
        snapshot = read_snapshot(folder / SNAPSHOT)
        rows = {p.name: {part: len(lines) for part, lines in p.rows.items()} for p in snapshot.sets}
    begun = Journal(folder.parent).begun
    return msgspec.structs.replace(
        origin,
        checkpoint=str(folder),
        command=str(held.get("command", "")),
        licences=dict(held.get("licences", {})),
        rows=rows,
        refresh=begun.reasons if begun else (),
    )
