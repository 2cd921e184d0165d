"""Rows of the tables to values and back."""

from typing import Any

import msgspec
import sqlalchemy as sa

from consumers.records.alerts import Alert, Assignment, Mark, Snooze, Transition, Verdict
from consumers.records.tables import alerts, history

_JSON = {
    "acknowledged": Mark,
    "silenced": Mark,
    "verdict": Verdict,
    "assigned": Assignment,
    "commented": Mark,
    "snoozed": Snooze,
}


def alert_of(row: sa.Row[Any]) -> Alert:
    """Return the alert in a row of ``alerts``."""
    values: dict[str, Any] = {column.name: getattr(row, column.name) for column in alerts.columns}
    values["evidence"] = values["evidence"].encode()
    for name, kind in _JSON.items():
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name], type=kind)
    return Alert(**values)


def row_of(alert: Alert) -> dict[str, Any]:
    """Return the row of an alert."""
    values: dict[str, Any] = {name: getattr(alert, name) for name in alert.__struct_fields__}
    values["evidence"] = alert.evidence.decode()
    for name in _JSON:
        if values[name] is not None:
            values[name] = msgspec.json.encode(values[name]).decode()
    return values


def assigned_beginning(to: str) -> str:
    """Return how the column of what is assigned to somebody begins: JSON functions differ by database."""
    return msgspec.json.encode({"to": to}).decode().removesuffix("}") + ","


def transition_of(row: sa.Row[Any]) -> Transition:
    """Return the transition in a row of ``history``."""
    values: dict[str, Any] = {column.name: getattr(row, column.name) for column in history.columns}
    return Transition(
        **{**values, "alert": row.alert or "", "evidence": values["evidence"].encode()}
    )


def line_of(transition: Transition) -> dict[str, Any]:
    """Return the row of a transition that has no number yet."""
    values: dict[str, Any] = {name: getattr(transition, name) for name in history.columns.keys()}  # noqa: SIM118
    del values["number"]
    return {
        **values,
        "alert": transition.alert or None,
        "evidence": transition.evidence.decode(),
    }
