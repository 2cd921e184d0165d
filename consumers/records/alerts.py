"""
The values of the records: alerts, what moved them, and what is written in one decided minute.

Rules: a *minute* is numbered from 1970 (UTC); times named ``at`` are ms since 1970, of the database's
clock. Evidence is JSON as it will be shown, written once and never changed. An alert is one episode: its
identity is its kind and series (and a label, where one series may have several at once), its id that and
the minute of its onset, so that minutes that are decided again give the same ids.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["surge", "umbrella", "event", "no_data"]
State: TypeAlias = Literal["learning", "normal", "pending", "firing", "recovering", "resolved"]
Severity: TypeAlias = Literal["warning", "critical"]
Judgement: TypeAlias = Literal["hit", "miss", "void"]

OPEN: Final[frozenset[State]] = frozenset({"firing", "recovering"})
WATCH: Final = "watch"
"""The actor of what the program itself decided."""


def fingerprint(kind: Kind, series: str, label: str = "") -> str:
    """Return what every episode of the same alert has in common: 16 hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode([kind, series, label])).hexdigest()[:16]


def alert_id(kind: Kind, series: str, onset: int, label: str = "") -> str:
    """Return the id of the episode that began in minute ``onset``."""
    return f"{fingerprint(kind, series, label)}-{onset}"


class Episode(msgspec.Struct, frozen=True):
    """
    An alert as ``watch`` sees it; what it is at is said by the moves.

    ``about`` says what of (tone, attention, both, or an event's name); ``peak`` is the highest ln M,
    ``ratio`` the effect that was told last (observed over expected; 0: it has none); ``inhibited_by`` the
    id of the alert that stands over it, or nothing; ``evidence`` is JSON.
    """

    id: str
    kind: Kind
    series: str
    onset: int
    about: str
    severity: Severity
    peak: float = 0.0
    reopened: int = 0
    inhibited_by: str = ""
    evidence: bytes = b"{}"
    ratio: float = 0.0


class Move(msgspec.Struct, frozen=True):
    """
    A transition of a series, and of its alert where it has one (``alert``: its id, or nothing).

    ``before == after`` where only the severity rose, or the effect doubled. ``tell``: whether it goes into the outbox.
    """

    series: str
    before: State
    after: State
    cause: str
    alert: str = ""
    severity: Severity | None = None
    evidence: bytes = b"{}"
    tell: bool = True


class Verdict(msgspec.Struct, frozen=True):
    """What an alert turned out to be, why, and who says so. A person's outranks the rule's."""

    alert: str
    judgement: Judgement
    reason: str
    actor: str = WATCH


class Said(Verdict, frozen=True):
    """A verdict as it stands in the list, with the time at which it was written."""

    at: int = 0


class Minute(msgspec.Struct, frozen=True):
    """
    All that one decided minute changes, written together or not at all.

    ``after`` is the minute decided before it (None: none ever). ``states`` holds what changed of the
    detector's state, by name; an empty value removes one. ``episodes`` are new or changed alerts,
    ``moves`` in the order in which they are to be told. ``noticed`` are alerts that a person resolved
    and that the detector has now let go. ``budget`` is what the thresholds allow, in false alarms a day
    over all series (None: not said); it holds for all minutes since ``after``.
    """

    minute: int
    after: int | None
    states: Mapping[str, bytes] = {}
    episodes: tuple[Episode, ...] = ()
    moves: tuple[Move, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    noticed: tuple[str, ...] = ()
    budget: float | None = None


class Mark(msgspec.Struct, frozen=True):
    """A flag that a person set: who, when, why, and until when (ms; None: until the alert ends)."""

    actor: str
    at: int
    comment: str
    until: int | None = None


class Assignment(msgspec.Struct, frozen=True):
    """Who is to look after an alert (``to``: a person or a team), who said so, when, and why."""

    to: str
    actor: str
    at: int
    comment: str


class Snooze(msgspec.Struct, frozen=True):
    """
    Nothing more is told of an alert until it gets worse: who wanted that, when, and why.

    ``severity`` and ``ratio`` (0: no effect) are what the alert had then, what it is compared with.
    """

    actor: str
    at: int
    comment: str
    severity: Severity
    ratio: float


class Alert(msgspec.Struct, frozen=True):
    """
    An alert as it stands. ``opened`` and ``resolved`` are minutes, ``changed`` that of its last move.

    ``sequence`` numbers its last transition, from 1. ``closed``: a person resolved it, and the detector
    has not let it go yet. A mark whose ``until`` has passed no longer holds: the reader compares.
    ``commented`` is the last comment; all stand in the history.
    """

    id: str
    kind: Kind
    series: str
    onset: int
    about: str
    severity: Severity
    peak: float
    reopened: int
    inhibited_by: str
    evidence: bytes
    state: State
    opened: int
    changed: int
    resolved: int | None
    sequence: int
    closed: bool = False
    acknowledged: Mark | None = None
    silenced: Mark | None = None
    verdict: Verdict | None = None
    ratio: float = 0.0
    assigned: Assignment | None = None
    commented: Mark | None = None
    snoozed: Snooze | None = None


class Transition(msgspec.Struct, frozen=True):
    """
    A line of the history, never changed.

    ``number`` orders everything, ``sequence`` the transitions of one alert from 1 (0: of a series without
    one). ``action`` is ``move``, ``worse`` where that ended a snooze, or what a person did:
    ``acknowledge``, ``silence``, ``resolve``, ``assign``, ``comment``, ``snooze``.
    """

    number: int
    alert: str
    series: str
    sequence: int
    minute: int
    at: int
    action: str
    before: State
    after: State
    cause: str
    actor: str
    severity: Severity | None
    evidence: bytes
