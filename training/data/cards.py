"""
Cards: where a data set comes from, on what terms, how it was labelled, and how its fields are called.

A card is ``FILE.card.yaml`` beside the file, else ``card.yaml`` in its folder. Whoever cannot write there
names one with ``--card``: it is for the file whose name, or name without ending, is the card's ``for``
(else its ``name``). Rule: a set without a card has the licence ``not stated``; a licence that is not on
the run's allow-list is refused.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from groundswell.errors import InputError

NOT_STATED: Final = "not stated"
ALLOWED: Final = (
    "Apache-2.0",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-3.0",
    "ODC-BY",
    "own",
)
"""Licences whose data may train a model for any use; ``own`` is for what the user wrote."""


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The card of a data set.

    ``fields`` maps the name that the functions use to the name in the file, or to null for a field that
    is not to be read: ``{text: headline, date: null}``. ``labels`` maps, per field, a label as the file
    writes it to one of the function's, or to null for none: ``{sentiment: {bearish: negative}}``.
    ``annotated`` names, per field, the labels that the annotators looked for, where these are not all of
    the function's: what they did not look for is not held against the model.
    """

    name: Annotated[str, Meta(min_length=1)]
    for_: str = msgspec.field(name="for", default="")
    source: str = ""
    licence: Annotated[str, Meta(min_length=1)] = NOT_STATED
    languages: tuple[str, ...] = ()
    labelled: str = ""
    """How, by whom, with what agreement."""
    fields: dict[str, str | None] = {}
    labels: dict[str, dict[str, str | None]] = {}
    annotated: dict[str, tuple[str, ...]] = {}

    @property
    def target(self) -> str:
        """The file that a card named with ``--card`` is for."""
        return self.for_ or self.name


def read_card(path: Path) -> Card:
    """Read a card; raises ``InputError``."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Card)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: {error}") from error


def card_of(origin: str, name: str, licence: str, given: Sequence[Card]) -> Card:
    """
    Return the card of a source: one of ``given`` for it, else the one beside it, else an empty one.

    ``licence`` is what a hub states. Raises ``InputError`` for a card that cannot be used.
    """
    path = Path(origin)
    for card in given:
        if card.target in {origin, name, path.name}:
            return card
    for candidate in (path.with_name(f"{path.name}.card.yaml"), path.with_name("card.yaml")):
        if candidate.is_file():
            return read_card(candidate)
    return Card(name=name, source=origin, licence=licence or NOT_STATED)


def check_licences(licences: Iterable[tuple[str, str]], allowed: Iterable[str] = ()) -> None:
    """
    Refuse sets whose licence is neither in ``ALLOWED`` nor in ``allowed``, whatever its capitals.

    ``licences`` holds the file and the licence of each. Raises ``InputError`` that names them all.
    """
    known = {name.casefold() for name in (*ALLOWED, *allowed)}
    refused = [(file, name) for file, name in licences if name.casefold() not in known]
    if refused:
        raise InputError(
            "\n".join(
                f"{file}: licence {name!r} is not on the allow-list; state it on the set's card "
                f"({file}.card.yaml, or --card), or allow it for this run with "
                f'--allow-licence "{name}"'
                for file, name in refused
            )
            + f"\nallowed without asking: {', '.join(ALLOWED)}"
        )
