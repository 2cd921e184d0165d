"""What ``groundswell models …`` does: the registry of the settings, asked, moved and printed."""

import calendar
import getpass
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from groundswell.errors import BundleError, SettingsError
from groundswell.models.bundle import load_manifest
from groundswell.models.registry import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Announcer,
    Mark,
    Moved,
    Registry,
    Version,
    open_registry,
)
from groundswell.models.registry.sweeping import sweep
from groundswell.models.signing import (
    fingerprint,
    make_keys,
    read_private,
    read_public,
    sign_bundle,
    verify_bundle,
)
from groundswell.models_tables import differences, shown
from groundswell.settings import Settings


def opened(
    settings: Settings, url: str | None = None, announcer: Announcer | None = None
) -> Registry:
    """Open the registry of the settings, or another one; raises ``SettingsError``."""
    where = url or settings.registry_url
    if not where:
        raise SettingsError("registry_url: no registry is set; name one with --registry")
    return open_registry(where, _public(settings), announcer)


def _public(settings: Settings) -> bytes | None:
    path = settings.registry_public_key
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"registry_public_key: {path} cannot be read ({error.strerror})"
        ) from error


def run_keygen(out: Path) -> None:
    """Write a new pair of keys; only where they are is printed."""
    private, public = make_keys(out)
    name = fingerprint(read_public(public.read_bytes()))
    typer.echo(f"{private}: private, keep it secret; {public}: set registry_public_key; key {name}")


def run_sign(directory: Path, key: Path) -> None:
    """Sign a bundle that is whole."""
    manifest = load_manifest(directory)
    private = read_private(key)
    sign_bundle(directory, private)
    typer.echo(f"{manifest.id}: signed with the key {fingerprint(private.public_key())}")


def run_publish(
    registry: Registry, directory: Path, key: Path | None, *, challenger: bool, by: str | None
) -> None:
    """Store a bundle, signed first where a key is given."""
    if key is not None:
        run_sign(directory, key)
    who = by or _who()
    version = registry.publish(directory, by=who)
    typer.echo(f"{version}: published")
    if challenger:
        done = registry.promote(version, registry.alias(CHALLENGER), CHALLENGER, by=who)
        _say(done, f"{version}: {CHALLENGER}")


def run_list(registry: Registry, *, as_json: bool) -> None:
    """Print the versions."""
    aliases = {name: registry.alias(name) for name in (CHAMPION, CHALLENGER, PREVIOUS)}
    marks = registry.versions()
    if as_json:
        rows = [
            {
                **msgspec.to_builtins(mark),
                "signed_by": registry.signer(mark.version),
                "aliases": _names(mark, aliases),
            }
            for mark in marks
        ]
        typer.echo(msgspec.json.encode(rows).decode())
        return
    table = Table("version", "alias", "published", "by", "blessed", "signed with", "MB", box=None)
    for mark in marks:
        table.add_row(
            Text(mark.version.id),
            ", ".join(_names(mark, aliases)),
            Text(mark.at),
            Text(mark.by),
            "yes" if mark.blessed else "no",
            Text(registry.signer(mark.version) or "–"),
            f"{mark.bytes / 1e6:.1f}",
        )
    _print(table if marks else "The registry holds no versions.")


def _names(mark: Mark, aliases: dict[str, Version | None]) -> list[str]:
    return [name for name, version in aliases.items() if version == mark.version]


def run_show(registry: Registry, text: str, *, as_json: bool) -> None:
    """Print one version."""
    version = registry.find(text)
    manifest = registry.manifest(version)
    if as_json:
        typer.echo(msgspec.json.encode(manifest).decode())
        return
    moves = [
        move
        for alias in (CHAMPION, CHALLENGER)
        for move in registry.history(alias)
        if version in {move.version, move.before}
    ]
    _print(*shown(manifest, registry.signer(version), moves, version))


def run_diff(registry: Registry, before: str, after: str) -> None:
    """Print in what two versions differ."""
    one, two = (registry.manifest(registry.find(text)) for text in (before, after))
    _print(differences(one, two))


def run_promote(
    registry: Registry,
    text: str,
    expected: str | None,
    *,
    force: bool,
    reason: str,
    by: str | None,
) -> None:
    """Make a version champion; a challenger that became champion is no challenger any more."""
    version = registry.find(text)
    going = registry.alias(CHAMPION) if expected is None else registry.find(expected)
    who = by or _who()
    done = registry.promote(version, going, reason=reason, force=force, by=who)
    _say(done, f"{version}: champion, in place of {going or 'nothing'}")
    if registry.alias(CHALLENGER) == version:
        registry.clear(CHALLENGER, version, reason="became champion", by=who)


def run_rollback(registry: Registry, *, reason: str, by: str | None) -> None:
    """Put the previous champion back."""
    done = registry.rollback(reason=reason, by=by or _who())
    _say(done, f"{done.move.version}: champion again, in place of {done.move.before}")


def run_verify(settings: Settings, url: str | None, text: str | None, *, golden: bool) -> int:
    """Check versions, or a directory; return the exit code."""
    bad = 0
    for name, check in _checks(settings, url, text):
        try:
            directory = check()
            if golden:
                _answer(directory)
        except BundleError as error:
            bad = 1
            typer.echo(f"{name}: {error}")
        else:
            typer.echo(f"{name}: right")
    return bad


def _checks(settings: Settings, url: str | None, text: str | None) -> Iterator[tuple[str, Any]]:
    """Yield what is to be checked, and how; the check returns the directory that holds it."""
    if text is not None and Path(text).is_dir():
        yield text, lambda: _checked(Path(text), _public(settings))
        return
    registry = opened(settings, url)
    versions = [registry.find(text)] if text else [mark.version for mark in registry.versions()]
    for version in versions:
        with tempfile.TemporaryDirectory(prefix="groundswell-verify-") as scratch:
            yield version.id, lambda v=version, s=scratch: registry.fetch(v, Path(s))


def _checked(directory: Path, public_key: bytes | None) -> Path:
    load_manifest(directory)
    if public_key is not None:
        verify_bundle(directory, public_key)
    return directory


def _answer(directory: Path) -> None:
    from groundswell.models.golden import check_golden, read_golden
    from groundswell.models.session import load

    model = load(directory)
    check_golden(model, read_golden(directory, model.manifest))


def run_gc(registry: Registry, keep: int, *, dry: bool) -> None:
    """Remove old versions."""
    removed = sweep(registry, keep, calendar.timegm(time.gmtime()), dry=dry)
    verb = "would go" if dry else "removed"
    typer.echo("\n".join(f"{name}: {verb}" for name in removed) or "nothing to remove")


def _say(done: Moved, text: str) -> None:
    typer.echo(text)
    if done.fault:
        typer.echo(f"not announced ({done.fault}); whoever asks will see it", err=True)


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _print(*parts: Table | Text | str) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = 200
    for part in parts:
        console.print(part)
