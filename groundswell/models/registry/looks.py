"""
How often the gates have looked at a gold set: each comparison with a champion spends of one budget.

A look is written down before anything is compared, so that a run that was killed has spent it too; the
same question asked again is the same look.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from groundswell.errors import BundleError
from groundswell.models.bundle import Sha256
from groundswell.models.registry.objects import Objects
from groundswell.models.registry.values import MOST_RECORD


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The ``number``-th question to the gold set: which challenger against which champion."""

    gold: Sha256
    number: Annotated[int, Meta(ge=1)]
    challenger: str
    champion: str
    at: str


def look(objects: Objects, gold: str, challenger: str, champion: str, at: str) -> Look:
    """Return the look of this question at ``gold``, written down if it is new."""
    while True:
        number = 0
        for path in objects.names(f"looks/{gold}"):
            data = objects.read(path, MOST_RECORD)
            try:
                found = msgspec.json.decode(data or b"", type=Look)
            except msgspec.DecodeError as error:
                raise BundleError(f"{path}: {error}") from error
            if (found.challenger, found.champion) == (challenger, champion):
                return found
            number = max(number, found.number)
        mine = Look(gold=gold, number=number + 1, challenger=challenger, champion=champion, at=at)
        if objects.create(f"looks/{gold}/{mine.number:010d}.json", msgspec.json.encode(mine)):
            return mine
