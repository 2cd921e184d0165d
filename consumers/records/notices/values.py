"""
The values of notification: what a subscriber wants, what is kept silent, and what is to be sent.

Rules: times are ms since 1970 unless their names say otherwise; times of the day are "HH:MM" in the
subscription's zone. An interval whose end lies before its begin goes across midnight; one whose ends are
equal is the whole day. Secrets stand in none of these values.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from consumers.records.alerts import Kind, Severity

Label: TypeAlias = Literal["alert", "kind", "series", "class", "topic"]
"""What alerts can be grouped by. Each stays the same while an alert lives."""
Reason: TypeAlias = Literal[
    "first_notification",
    "new_alerts_in_group",
    "severity_raised",
    "evidence_grew",
    "repeat_interval_elapsed",
    "reopened",
    "new_resolved_alerts",
    "all_alerts_resolved",
    "ack_changed",
    "silence_ended",
    "worse",
    "digest",
    "flood_summary",
    "test",
    "receiver_failed",
]
Withheld: TypeAlias = Literal[
    "paused",
    "below_severity",
    "too_few_stories",
    "other_language",
    "other_source",
    "inhibited",
    "silenced",
    "acknowledged",
    "snoozed",
    "quiet_hours",
    "market_closed",
    "waiting_for_digest",
    "cap",
    "flood",
    "no_channel",
]
CHANNEL_KINDS: Final = ("console", "webhook", "dingtalk", "feishu", "wecom", "apprise")
ChannelKind: TypeAlias = Literal["console", "webhook", "dingtalk", "feishu", "wecom", "apprise"]
WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Which alerts; an empty list asks for all.

    ``topics``, ``entities`` and ``schemes`` are names of series without their beginning; an alert belongs
    if any of the three names it, and an umbrella if any of its members does. ``languages`` and ``sources``
    ask for one story at least; where the evidence does not name them, it is not held against the alert.
    """

    topics: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    severity: Severity = "warning"
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    stories: int = 0


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From ``start`` until before ``end``, on the ``days`` on which it starts (empty: every day)."""

    start: str
    end: str
    days: tuple[Day, ...] = ()


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    When messages may go out. ``zone`` is an IANA name.

    Outside of every ``active`` window (where there are any) and inside of any ``quiet`` one they are held.
    ``market``: the code of an exchange (XNYS, XETR, XSHG); on days on which it is closed they are held too.
    ``break_through``: what is critical goes out all the same.
    """

    zone: str = "UTC"
    quiet: tuple[Window, ...] = ()
    active: tuple[Window, ...] = ()
    market: str = ""
    break_through: bool = True


class Digest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One message a day ``at`` a time, of everything that was held since the last.

    ``only``: everything waits for it but what is critical. ``empty``: send it without anything in it too.
    """

    at: str = "08:30"
    only: bool = False
    empty: bool = False


class Grouping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How alerts become messages, as Alertmanager names it; in seconds."""

    group_by: tuple[Label, ...] = ("kind",)
    group_wait: int = 30
    group_wait_critical: int = 5
    group_interval: int = 300
    repeat_interval: int = 14_400


class Subscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What ``owner`` wants to be told, and through which channels (their ids).

    ``cap`` is the most messages an hour, ``flood`` the most in ten minutes before they become one summary;
    0 is no limit. ``language`` is that of the messages.
    """

    id: str
    owner: str
    name: str
    channels: tuple[str, ...]
    filters: Filters = Filters()
    schedule: Schedule = Schedule()
    digest: Digest | None = None
    grouping: Grouping = Grouping()
    cap: int = 0
    flood: int = 10
    paused: bool = False
    language: Literal["en", "zh"] = "en"


class Matcher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``op`` "=" or "!=": the label's value is, or is not, one of ``values``."""

    label: Literal["alert", "kind", "series", "class", "topic", "severity", "about"]
    values: tuple[str, ...]
    op: Literal["=", "!="] = "="


class Silence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All alerts that every matcher matches are kept silent from ``start`` until before ``end``."""

    id: str
    matchers: tuple[Matcher, ...]
    start: int
    end: int
    author: str
    comment: str


class Channel(msgspec.Struct, frozen=True):
    """
    A way to a subscriber. ``shown`` says where it leads without its secrets.

    ``disabled`` says why it takes nothing any more ("": it does); ``sealed`` is encrypted.
    """

    id: str
    owner: str
    name: str
    kind: ChannelKind
    shown: str
    sealed: bytes
    created: int = 0
    disabled: str = ""


class Line(msgspec.Struct, frozen=True):
    """A story of an alert, as a message opens it."""

    title: str
    url: str
    source: str
    published: int


class Item(msgspec.Struct, frozen=True):
    """
    An alert in a message; ``change`` is why it stands there.

    ``also`` says "fired and resolved" of one that began and ended before anybody was told.
    """

    alert: str
    sequence: int
    kind: Kind
    series: str
    about: str
    severity: Severity
    state: Literal["firing", "resolved"]
    change: Reason
    onset: int
    resolved: int | None
    ratio: float | None
    observed: int | None
    expected: float | None
    acknowledged: str
    stories: tuple[Line, ...]
    stories_total: int
    members: tuple[str, ...] = ()
    also: Literal["", "fired_and_resolved"] = ""
    assigned: str = ""


class Message(msgspec.Struct, frozen=True):
    """
    What is sent, for all channels alike. ``items`` are the first ten of ``total``.

    ``at`` is when it was decided, ``held`` why it did not go out before ("": it was not held); ``owner``
    whose subscription it is ("": decided before that was kept).
    """

    subscription: str
    name: str
    group: str
    reason: Reason
    at: int
    items: tuple[Item, ...]
    total: int
    firing: int
    resolved: int
    number: int
    held: str = ""
    note: str = ""
    language: Literal["en", "zh"] = "en"
    owner: str = ""
