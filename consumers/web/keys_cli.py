"""The commands ``groundswell keys …``; what they do is imported when they run."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundswell.options import ConfigOption, JsonOption, run_to_end, settings_of

if TYPE_CHECKING:
    from consumers.records.access.database import DatabaseAccess

keys = typer.Typer(no_args_is_help=True, help="Keys of the API: make, list, revoke.")


def _over(config: Any, program: "Callable[[DatabaseAccess], Awaitable[int]]") -> None:
    """Run a program over the keys of the settings."""

    async def run() -> int:
        from consumers.records.access.database import open_access

        access = await open_access(settings_of(config).records_url.get_secret_value())
        try:
            return await program(access)
        finally:
            await access.close()

    run_to_end(run())


@keys.command()
def create(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Whom the key belongs to.")],
    role: Annotated[str, typer.Option(help="viewer, analyst or admin.")] = "viewer",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Narrow the role to this; may be repeated: docs/api.md lists them."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is good.")] = 365,
    config: ConfigOption = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    from consumers.web.keys_commands import run_create

    _over(config, lambda access: run_create(access, owner, role, tuple(scope or ()), days))


@keys.command(name="list")
def list_keys(as_json: JsonOption = False, config: ConfigOption = None) -> None:  # noqa: FBT002
    """List keys, without their secrets."""
    from consumers.web.keys_commands import run_list

    _over(config, lambda access: run_list(access, as_json=as_json))


@keys.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="ID", help="The id of the key.")],
    config: ConfigOption = None,
) -> None:
    """Revoke a key: it opens nothing from the next request on."""
    from consumers.web.keys_commands import run_revoke

    _over(config, lambda access: run_revoke(access, name))
