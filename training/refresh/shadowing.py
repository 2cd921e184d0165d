"""
The shadow run of a refresh: the challenger labels a share of the stream beside the champion, at the consumers.

Rules: what it waits for is what consumers note; notes that cannot be read are waited for as well; a
challenger or champion that somebody moves meanwhile ends the wait.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from groundswell.errors import Transient
from groundswell.models.registry import CHALLENGER, CHAMPION, Registry, Version
from training.refresh.core.reasons import HOUR_MS
from training.refresh.core.shadowed import Asked, Judged, Side, judge

LOOK_SECONDS: Final = 5.0
"""How often the notes are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowing:
    """
    What is asked of a shadow run, and the world that it takes.

    ``seen`` reads what was noted of the champion and a challenger (their ids) and may raise ``Transient``;
    ``ms`` is the time since 1970, ``pause`` waits so many seconds.
    """

    asked: Asked
    seen: Callable[[str, str], Side]
    ms: Callable[[], int]
    pause: Callable[[float], None]


def wait(run: Shadowing, registry: Registry, champion: str, challenger: Version) -> Judged:
    """Wait for the shadow run; the verdict is ``wait`` where too few items came in the time."""
    end = run.ms() + run.asked.hours * HOUR_MS
    while True:
        away = ""
        seen = Side()
        try:
            seen = run.seen(champion, challenger.id)
        except Transient as error:
            away = f"; the notes cannot be read ({error})"
        verdict, why = judge(seen, run.asked)
        if verdict != "wait":
            return Judged(verdict, why)
        now = registry.alias(CHAMPION)
        if registry.alias(CHALLENGER) != challenger or (now.id if now else "") != champion:
            return Judged("apart", "somebody moved the champion or the challenger meanwhile")
        if run.ms() >= end:
            return Judged("wait", f"{why} in {run.asked.hours:g} hours{away}")
        run.pause(LOOK_SECONDS)
