"""The port by which a move of an alias is told to those who would otherwise find it by asking again."""

from typing import Protocol

from groundswell.models.registry.values import Move


class Announcer(Protocol):
    """
    Tells others that an alias has moved.

    The move stands before it is announced and does not depend on it: whoever missed the announcement
    reads the alias. An announcement may be repeated, be late, or never come.
    """

    def announce(self, move: Move) -> None:
        """Tell of a move that stands; raises ``Transient`` where nobody could be told."""
        ...
