"""
The relay: from the outbox to the log and to Kafka topic `alerts`.

Rules: at least once and in order; a row is marked as sent when both have it, so that a crash between
sends it again with the same ``key``. One partition, so that the order is that of the records.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from consumers.ports import LogWriter
from consumers.records.alerts import Assignment, Mark, Severity, Snooze, State
from consumers.records.ports import Outbox, Outgoing

BATCH: Final = 100
PARTITION: Final = 0

log = structlog.get_logger()


class AlertMessage(msgspec.Struct, frozen=True):
    """
    A transition of an alert, as topic `alerts` carries it.

    ``key`` never changes between tries: who has seen it drops the record. ``onset`` and ``minute`` are
    minutes since 1970 (UTC), ``at`` ms. ``action`` is ``move``, ``worse`` where that ended a snooze, or
    what ``actor`` did; ``cause`` is why, or the comment. The alert's own fields are as of the sending: ``inhibited_by`` the id of an alert that stands over it.
    """

    key: str
    alert: str
    kind: str
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
    onset: int | None
    about: str
    inhibited_by: str
    acknowledged: Mark | None
    silenced: Mark | None
    evidence: msgspec.Raw
    assigned: Assignment | None = None
    snoozed: Snooze | None = None


def message_of(row: Outgoing) -> AlertMessage:
    """Return the message of a row of the outbox."""
    t, alert = row.transition, row.alert
    return AlertMessage(
        key=f"{t.alert or t.series}:{t.sequence or t.number}",
        alert=t.alert,
        kind=alert.kind if alert else "",
        series=t.series,
        sequence=t.sequence,
        minute=t.minute,
        at=t.at,
        action=t.action,
        before=t.before,
        after=t.after,
        cause=t.cause,
        actor=t.actor,
        severity=t.severity or (alert.severity if alert else None),
        onset=alert.onset if alert else None,
        about=alert.about if alert else "",
        inhibited_by=alert.inhibited_by if alert else "",
        acknowledged=alert.acknowledged if alert else None,
        silenced=alert.silenced if alert else None,
        evidence=msgspec.Raw(t.evidence or b"{}"),
        assigned=alert.assigned if alert else None,
        snoozed=alert.snoozed if alert else None,
    )


class Relay:
    """Sends what is unsent; ``told`` is called with each message that was sent."""

    def __init__(
        self,
        outbox: Outbox,
        writer: LogWriter,
        topic: str,
        told: Callable[[AlertMessage], None] = lambda _: None,
    ) -> None:
        self._outbox = outbox
        self._writer = writer
        self._topic = topic
        self._told = told
        self._logged = 0
        """The last row that this process has logged: a write that failed is not logged twice."""

    async def turn(self) -> int:
        """Send one batch; returns how many. Raises ``Transient``: then call again."""
        rows = await self._outbox.unsent(BATCH)
        if not rows:
            return 0
        messages = [message_of(row) for row in rows]
        for row, message in zip(rows, messages, strict=True):
            if row.number > self._logged:
                self._logged = row.number
                _say(message)
        values = [msgspec.json.encode(message) for message in messages]
        await self._writer.write(self._topic, PARTITION, values)
        await self._outbox.sent([row.number for row in rows])
        for message in messages:
            self._told(message)
        return len(rows)


def _say(message: AlertMessage) -> None:
    log.info(
        "alert",
        alert=message.alert,
        kind=message.kind,
        series=message.series,
        state=message.after,
        action=message.action,
        severity=message.severity,
        about=message.about,
        cause=message.cause,
        onset=message.onset,
        actor=message.actor,
        inhibited_by=message.inhibited_by,
    )
