"""The ports that only `consume` has: the model, the stories, and where it says what it lacks."""

from collections.abc import Sequence
from typing import Protocol

from consumers.news.core.stories import Place, Told
from groundswell.models.bundle import Manifest
from groundswell.models.scores import Scores
from groundswell.models.tokens import Row


class Labeller(Protocol):
    """A loaded model; ``groundswell.models.session.Model`` is one."""

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        ...

    @property
    def workers(self) -> int:
        """How many batches may be run at once, each in a thread of its own."""
        ...

    def encode(self, texts: Sequence[str]) -> list[Row]:
        """Return each text as the model reads it; callable from any thread."""
        ...

    def run(self, rows: Sequence[Row]) -> Scores:
        """Label a batch; raises ``ModelError``."""
        ...


class Stories(Protocol):
    """
    Knows the stories of the last hours, and in which series and tone each was told.

    Bounded: of more stories than it keeps it knows the newest. Every method may raise ``Transient``;
    then the same call may be made again.
    """

    async def place(self, items: Sequence[Told]) -> list[Place]:
        """
        Say with which story each item stands, in order, and note that it is told.

        Earlier items of the call are known to later ones. An item that was asked about before is
        answered as before (``why`` is then ``again``); if it now counts elsewhere or in another tone,
        its story stays, and what is new there is decided anew.
        """
        ...

    async def remember(self, items: Sequence[Told], places: Sequence[Place]) -> None:
        """Take over what was decided elsewhere; what is known of an item already stays."""
        ...

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...


class Limping(Protocol):
    """Told what the program does without, so that health can say it; it stays ready."""

    def limping(self, part: str, why: str) -> None:
        """Say that ``part`` is away, and is done without."""
        ...

    def working(self, part: str) -> None:
        """Say that ``part`` answers (again)."""
        ...
