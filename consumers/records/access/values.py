"""
The values of access: keys, lines of the audit log, feedback.

Rules: times are ms since 1970. Of a key only its hash is here. A line of the audit log and a word of
feedback are never changed; neither holds a secret.
"""

from typing import Final, Literal, TypeAlias, get_args

import msgspec

About: TypeAlias = Literal["alert", "item"]
Field: TypeAlias = Literal["alarm", "topic", "sentiment"]
FIELDS: Final[dict[About, tuple[Field, ...]]] = {
    "alert": ("alarm",),
    "item": ("topic", "sentiment"),
}
Alarm: TypeAlias = Literal["right", "wrong"]
ALARMS: Final[tuple[Alarm, ...]] = get_args(Alarm)


class ApiKey(msgspec.Struct, frozen=True):
    """
    A key as it is kept. ``scopes`` narrow its ``role``; empty: all of the role's.

    ``expires`` None: never. ``used`` is known to the minute.
    """

    id: str
    hashed: str
    owner: str
    role: str
    scopes: tuple[str, ...] = ()
    created: int = 0
    expires: int | None = None
    revoked: int | None = None
    used: int | None = None

    def standing(self, now: int) -> Literal["good", "revoked", "expired"]:
        """Say whether the key still opens anything."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "good"


class AuditLine(msgspec.Struct, frozen=True):
    """
    Who did what to what, when, and how it ended.

    ``actor`` is whom the key belongs to, ``key`` its id ("": a link, or the command line); ``outcome`` the
    status of the answer, or a word.
    """

    actor: str
    key: str
    action: str
    target: str
    outcome: str
    at: int = 0


class Feedback(msgspec.Struct, frozen=True):
    """
    What a person says of an alert or of an item's label.

    ``alarm`` of an alert is right or wrong; of an item the ``label`` is the one that should stand there, and
    ``bundle`` the model that said otherwise.
    """

    about: About
    target: str
    field: Field
    label: str
    actor: str
    bundle: str = ""
    comment: str = ""
    at: int = 0
