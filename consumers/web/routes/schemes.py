"""
Schemes: what users look for in their own words; each is a series of its own.

Rules: what is written stands in the records, and `count` follows it from there, as it does what `groundswell
series add-scheme` wrote: within seconds, and whether Redis is there or not. A scheme belongs to nobody:
whoever may write them may drop them. The same words again change nothing; other words under a name that is
taken are refused, since a series counts one thing.
"""

from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from fastapi import Path, Request, Response
from msgspec import Meta

from consumers.records.desk.moments import iso
from consumers.records.schemes.ports import SchemeOnRecord
from consumers.web.answers import answer, empty, read
from consumers.web.core.problems import Refusal
from consumers.web.operations import V1, Operation
from consumers.web.parts import parts_of
from groundswell.errors import InputError
from groundswell.schemes import NAME_LENGTH, TERM_LENGTH, TERMS, Scheme, checked
from groundswell.series import SCHEME

SchemeName = Annotated[str, Path(min_length=1, max_length=NAME_LENGTH)]
Terms = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=TERM_LENGTH)], ...], Meta(max_length=TERMS)
]
_T: Final = "schemes"


class SchemeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    All of ``must``, one of ``any`` where there are any, none of ``exclude``; at most 32 terms in all.

    A term is a whole word, or several in a row; in scripts without spaces it is a substring.
    """

    name: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH)]
    must: Terms = ()
    any: Terms = ()
    exclude: Terms = ()


class SchemeForm(msgspec.Struct, frozen=True):
    """What a user looks for, and since when; its counts are those of the series."""

    name: str
    series: str
    must: tuple[str, ...]
    any: tuple[str, ...]
    exclude: tuple[str, ...]
    since: str


class SchemesForm(msgspec.Struct, frozen=True):
    """The schemes on record, by name."""

    schemes: tuple[SchemeForm, ...]


async def list_schemes(request: Request) -> Response:
    """List the schemes on record: what users look for in their own words."""
    held = await parts_of(request).schemes.schemes()
    return answer(request, SchemesForm(tuple(map(_form, held))))


async def show_scheme(request: Request, scheme: SchemeName) -> Response:
    """Show a scheme; its name is taken as it was typed, or as it stands."""
    name = _folded(scheme)
    for one in await parts_of(request).schemes.schemes():
        if one.name == name:
            return answer(request, _form(one))
    raise _missing()


async def create_scheme(request: Request) -> Response:
    """Look for your own words: `count` counts them in a few seconds, and then fills their past."""
    given, schemes = await read(request, SchemeIn), parts_of(request).schemes
    wanted = Scheme(given.must, given.any, given.exclude)
    name = checked(given.name, wanted)
    request.state.target = name
    stood = any(one.name == name for one in await schemes.schemes())
    try:
        held = await schemes.add(name, wanted)
    except InputError as error:  # no room: what was sent is good
        raise Refusal("conflict", str(error)) from None
    if held.scheme != wanted:
        raise Refusal(
            "conflict", f"there is a scheme {name} with other words: drop it, or take another name"
        )
    place = {"Location": f"{_S}/{quote(name)}"}
    return answer(request, _form(held), status=200 if stood else 201, headers=place)


async def drop_scheme(request: Request, scheme: SchemeName) -> Response:
    """Drop a scheme; its counts are removed in a few seconds, and its name may be used again."""
    if not await parts_of(request).schemes.drop(_folded(scheme)):
        raise _missing()
    return empty()


def _folded(name: str) -> str:
    """Return the name under which a scheme stands. Raises ``Refusal`` for one under which none can."""
    try:
        return checked(name, Scheme(must=("any",)))
    except InputError:
        raise _missing() from None


def _missing() -> Refusal:
    return Refusal("not-found", "there is no scheme of that name")


def _form(one: SchemeOnRecord) -> SchemeForm:
    words = one.scheme
    series = SCHEME + one.name
    return SchemeForm(one.name, series, words.must, words.any, words.exclude, iso(one.at))


_S: Final = f"{V1}/schemes"
_ONE: Final = f"{_S}/{{scheme}}"
OPERATIONS: Final = (
    Operation("GET", _S, list_schemes, _T, SchemesForm),
    Operation(
        "POST", _S, create_scheme, _T, SchemeForm, SchemeIn, status=201, also=(200,), more=(409,)
    ),
    Operation("GET", _ONE, show_scheme, _T, SchemeForm, more=(404,)),
    Operation("DELETE", _ONE, drop_scheme, _T, status=204, more=(404,)),
)
