"""The commands ``groundswell models …``: their options; what they do is imported when they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groundswell.options import ConfigOption, JsonOption, settings_of

if TYPE_CHECKING:
    from groundswell.models.registry import Announcer, Registry
    from groundswell.settings import Settings

models = typer.Typer(
    no_args_is_help=True, help="The registry of bundles: versions, aliases, signatures."
)

VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="NAME@VERSION, or an alias as in champion.")
]
RegistryOption = Annotated[
    str | None, typer.Option("--registry", help="Directory or address; default: `registry_url`.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the registry.")]
ByOption = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Who acts; default: who is logged in.")
]
KeyOption = Annotated[Path | None, typer.Option("--key", help="Private key to sign with.")]


def _opened(url: str | None, config: Path | None) -> "Registry":
    from groundswell.models_commands import opened

    settings = settings_of(config)
    return opened(settings, url, announcer_of(settings))


def announcer_of(settings: "Settings") -> "Announcer | None":
    """Return who tells consumers of a move at once, where there is a topic for it."""
    if not settings.models_topic:
        return None
    import logging

    from consumers.adapters.kafka_moves import KafkaAnnouncer

    # What the client says of a broker that is away, the command says itself.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    return KafkaAnnouncer(settings)


@models.command()
def keygen(
    out: Annotated[
        Path, typer.Option(help="Directory of the new signing.key and signing.pub.")
    ] = Path(),
) -> None:
    """Make a pair of keys: the private one signs bundles, the public one is `registry_public_key`."""
    from groundswell.models_commands import run_keygen

    run_keygen(out)


@models.command()
def sign(
    directory: Annotated[Path, typer.Argument(help="Directory of a bundle.")],
    key: Annotated[Path, typer.Option("--key", help="Private key to sign with.")],
) -> None:
    """Sign the bundle in a directory."""
    from groundswell.models_commands import run_sign

    run_sign(directory, key)


@models.command()
def publish(
    directory: Annotated[Path, typer.Argument(help="Directory of a bundle.")],
    *,
    key: KeyOption = None,
    challenger: Annotated[
        bool, typer.Option("--challenger", help="Let the alias `challenger` name it.")
    ] = False,
    by: ByOption = None,
    registry: RegistryOption = None,
    config: ConfigOption = None,
) -> None:
    """Store a bundle in the registry; it never changes there. With --key it is signed first."""
    from groundswell.models_commands import run_publish

    run_publish(_opened(registry, config), directory, key, challenger=challenger, by=by)


@models.command(name="list")
def list_versions(
    *,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
    config: ConfigOption = None,
) -> None:
    """List the versions, the newest first, with the aliases that name them."""
    from groundswell.models_commands import run_list

    run_list(_opened(registry, config), as_json=as_json)


@models.command()
def show(
    version: VersionArgument,
    *,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
    config: ConfigOption = None,
) -> None:
    """Show a version: what each gate said of it, its files, and how the aliases came and went."""
    from groundswell.models_commands import run_show

    run_show(_opened(registry, config), version, as_json=as_json)


@models.command()
def diff(
    before: VersionArgument,
    after: VersionArgument,
    *,
    registry: RegistryOption = None,
    config: ConfigOption = None,
) -> None:
    """Say in what two versions differ: labels, limits, data, files, figures."""
    from groundswell.models_commands import run_diff

    run_diff(_opened(registry, config), before, after)


@models.command()
def promote(
    version: VersionArgument,
    *,
    expected: Annotated[
        str | None,
        typer.Option(help="The champion that is to be replaced; default: the present one."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Although no gate has blessed it; needs --reason.")
    ] = False,
    reason: ReasonOption = "",
    by: ByOption = None,
    registry: RegistryOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a version champion, if nobody else moved the alias meanwhile."""
    from groundswell.models_commands import run_promote

    run_promote(_opened(registry, config), version, expected, force=force, reason=reason, by=by)


@models.command()
def rollback(
    *,
    reason: ReasonOption = "",
    by: ByOption = None,
    registry: RegistryOption = None,
    config: ConfigOption = None,
) -> None:
    """Put back the champion before the present one; a second time goes forth again."""
    from groundswell.models_commands import run_rollback

    run_rollback(_opened(registry, config), reason=reason, by=by)


@models.command()
def verify(
    version: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION]", help="A version, an alias or a directory; none: all."),
    ] = None,
    *,
    golden: Annotated[
        bool, typer.Option("--golden", help="Answer the golden texts on this machine, too.")
    ] = False,
    registry: RegistryOption = None,
    config: ConfigOption = None,
) -> None:
    """Check every file, its hash and the signature; exit code 1 if anything is wrong."""
    from groundswell.models_commands import run_verify

    settings = settings_of(config)
    raise typer.Exit(run_verify(settings, registry, version, golden=golden))


@models.command()
def gc(
    *,
    keep: Annotated[
        int, typer.Option(min=1, help="The newest versions that stay, besides those with an alias.")
    ] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    registry: RegistryOption = None,
    config: ConfigOption = None,
) -> None:
    """Remove old versions; never one that an alias names or a rollback would."""
    from groundswell.models_commands import run_gc

    run_gc(_opened(registry, config), keep, dry=dry_run)
