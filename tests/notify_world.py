"""Alerts and subscribers for the tests of notify: a subscription that is told what happens, by hand."""

from dataclasses import dataclass, field

import msgspec

from consumers.notify.core.changes import Look
from consumers.notify.core.deciding import decide
from consumers.notify.core.schedule import Closed, never_closed
from consumers.notify.core.state import Note, State
from consumers.records.alerts import Alert, Mark, alert_id
from consumers.records.notices.values import Message, Silence, Subscription

NOON = 1_772_452_800_000
"""Monday, 2 March 2026, 12:00 UTC."""
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


def stories(count: int, source: str = "The Wire") -> bytes:
    told = [
        {
            "title": f"Story {n}",
            "url": f"https://news.test/{n}",
            "source": source,
            "published": NOON,
        }
        for n in range(count)
    ]
    effect = {"ratio": 4.2, "observed": 21, "expected": 5.0, "stories": 30}
    return msgspec.json.encode({"stories": told, "effect": effect})


def alert(series: str = "topic:rates", **more) -> Alert:
    kind = more.get("kind", "surge")
    onset = more.get("onset", NOON // MINUTE)
    given = {
        "id": alert_id(kind, series, onset),
        "kind": kind,
        "series": series,
        "onset": onset,
        "about": "tone",
        "severity": "warning",
        "peak": 10.0,
        "reopened": 0,
        "inhibited_by": "",
        "evidence": stories(5),
        "state": "firing",
        "opened": onset,
        "changed": onset,
        "resolved": None,
        "sequence": 1,
    }
    return Alert(**{**given, **more})


def over(one: Alert, minute: int = 0) -> Alert:
    return msgspec.structs.replace(
        one, state="resolved", resolved=minute or one.onset + 30, sequence=one.sequence + 1
    )


def acknowledged(one: Alert, at: int, until: int | None = None, actor: str = "ann") -> Alert:
    return msgspec.structs.replace(one, acknowledged=Mark(actor, at, "mine", until))


def subscription(**more) -> Subscription:
    return Subscription(
        **{"id": "s1", "owner": "ann", "name": "rates", "channels": ("c1",), **more}
    )


@dataclass
class Subscriber:
    """One subscription over time; ``sent`` and ``notes`` grow."""

    wants: Subscription = field(default_factory=subscription)
    now: int = NOON
    closed: Closed = never_closed
    silences: tuple[Silence, ...] = ()
    reachable: bool = True
    state: State = field(default_factory=State)
    alerts: dict[str, Alert] = field(default_factory=dict)
    sent: list[Message] = field(default_factory=list)
    lanes: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    again: int | None = None

    def see(self, *alerts: Alert):
        """Something happened to alerts, now."""
        fresh = frozenset(a.id for a in alerts)
        self.alerts |= {a.id: a for a in alerts}
        return self._decide(fresh)

    def wait(self, ms: int):
        """Let time pass: decide at each moment that was asked for."""
        end, news = self.now + ms, []
        while self.again is not None and self.again <= end:
            self.now = max(self.now, self.again)
            news += self._decide(frozenset())
        self.now = end
        return news + self._decide(frozenset())

    def change(self, **more):
        self.wants = msgspec.structs.replace(self.wants, **more)
        return self._decide(frozenset())

    def _decide(self, fresh):
        look = Look(self.wants, dict(self.alerts), self.silences, self.now)
        decision = decide(self.state, look, self.closed, fresh, reachable=self.reachable)
        assert decision.again is None or decision.again > self.now
        self.state, self.again = decision.state, decision.again
        self.sent += [m for _, m in decision.messages]
        self.lanes += [lane for lane, _ in decision.messages]
        self.notes += decision.notes
        return [(m.reason, m.total) for _, m in decision.messages]

    def reasons(self):
        return [m.reason for m in self.sent]

    def withheld(self):
        return [note.why for note in self.notes]
