"""
What a silence would hide: alerts that go on, and what the last days told.

Rule: an alert is matched as each transition left it, since its severity may have risen in between; when the
silence begins and ends is left aside, so that one for tomorrow can be tried on last week.
"""

from collections.abc import Iterable
from typing import NamedTuple

from consumers.notify.core.matching import matches
from consumers.notify.core.preview import was
from consumers.records.alerts import Alert, Transition
from consumers.records.notices.values import Silence


class Hidden(NamedTuple):
    """Alerts that go on; transitions, each with the alert as it left it, out of ``of`` in all."""

    open: tuple[Alert, ...]
    transitions: tuple[tuple[Transition, Alert], ...]
    of: int


def hidden(
    silence: Silence, going_on: Iterable[Alert], history: Iterable[tuple[Transition, Alert]]
) -> Hidden:
    """Return what a silence matches of the alerts that go on, and of a history in order of time."""
    left: dict[str, Alert] = {}
    found = []
    count = 0
    for line, alert in history:
        if not line.alert:
            continue
        count += 1
        left[line.alert] = was(alert, line, left.get(line.alert))
        if matches(silence, left[line.alert]):
            found.append((line, left[line.alert]))
    return Hidden(tuple(a for a in going_on if matches(silence, a)), tuple(found), count)
