"""
`groundswell keys …`: what each command does and prints. Exit code 1 where the answer is no.

Rule: the key itself goes to stdout alone, once, so that it can be piped into a secret store.
"""

import secrets
from collections.abc import Sequence
from typing import Final, cast

import msgspec
import typer

from consumers.records.access.ports import Access
from consumers.records.access.values import ApiKey, AuditLine
from consumers.records.desk.commands import as_json as printed
from consumers.records.desk.commands import person
from consumers.records.desk.moments import short
from consumers.records.desk.plain import plain
from consumers.web.core.access import ROLES, SCOPES, Scope, beyond
from consumers.web.core.keys import ID_BYTES, SECRET_BYTES, new_key
from consumers.web.routes.admin import key_form
from groundswell.errors import InputError

_DAY_MS: Final = 86_400_000
_LONGEST: Final = 200


async def run_create(
    access: Access, owner: str, role: str, scopes: Sequence[str], days: int
) -> int:
    """Make a key and print it."""
    owner = owner.strip()
    if not owner or len(owner) > _LONGEST:
        raise InputError(f"OWNER: 1 to {_LONGEST} characters")
    if role not in ROLES:
        raise InputError(f"--role {role}: must be one of {', '.join(ROLES)}")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        raise InputError(f"--scope {unknown[0]}: must be one of {', '.join(SCOPES)}")
    more = beyond(role, cast("Sequence[Scope]", scopes))
    if more:
        raise InputError(f"--scope {more[0]}: a key of role {role} cannot have it")
    expires = await access.now() + days * _DAY_MS
    made = new_key(secrets.token_bytes(ID_BYTES + SECRET_BYTES))
    kept = ApiKey(made.id, made.hashed, owner, role, tuple(scopes), expires=expires)
    if not await access.add_key(kept):
        raise InputError("that id is taken by chance: call it again")
    await access.audit(AuditLine(person(None), "", "create_key", made.id, "done"))
    typer.echo(made.text)
    typer.echo(
        f"key {made.id} of {plain(owner)} ({role}), good until {short(expires)} UTC; it is shown this "
        "once",
        err=True,
    )
    return 0


async def run_list(access: Access, *, as_json: bool) -> int:
    """List keys."""
    now = await access.now()
    forms = [key_form(key, now) for key in await access.keys()]
    if as_json:
        printed([msgspec.to_builtins(form) for form in forms])
        return 0
    for form in forms:
        fields = (
            form.id, plain(form.owner), form.role, ",".join(form.scopes) or "all", form.state,
            f"expires {form.expires or 'never'}", f"used {form.used or 'never'}",
        )  # fmt: skip
        typer.echo("  ".join(fields))
    if not forms:
        typer.echo("there is no key yet: `groundswell keys create OWNER`")
    return 0


async def run_revoke(access: Access, name: str) -> int:
    """Revoke a key."""
    done = await access.revoke(name)
    outcome = "done" if done else "unknown"
    await access.audit(AuditLine(person(None), "", "revoke_key", plain(name, 20), outcome))
    if not done:
        typer.echo(f"groundswell: no key has the id {plain(name, 20)}", err=True)
        return 1
    typer.echo(f"key {name} opens nothing any more")
    return 0
