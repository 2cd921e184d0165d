"""The ports that only `consume` has: the model, and where it says that it waits."""

from collections.abc import Sequence
from typing import Protocol

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
