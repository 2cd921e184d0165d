"""
The states of an alert, and how it moves between them.

    learning ──► normal ──► pending ──► firing ──► recovering ──► resolved ──► normal
        └───────────────────►  │  ▲        ▲            │             │
                    (too little)◄─┘        ├────────────┘ rises again │
                                           └──────────────────────────┘ reopened, within 2 h

- *pending* from M ≥ A_pending, and while a gate holds back what reached A: gates only delay or remove
  alarms, so that the bound stays, and M is not reset meanwhile. It ends below a third of A_pending.
- *firing* from M ≥ A with open gates; *recovering* once the last hour looks usual, until it surely does
  not; *resolved* after half an hour of that. What fires again within two hours is the same episode,
  reopened.
- Severity never falls within an episode.
- While it is firing and M ≥ A, an effect that is ``DOUBLING`` times what was told last is told, so that
  who waits for it to get worse hears of it.
"""

from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from consumers.watch.core.effect import Kind
from consumers.watch.core.parameters import Parameters

Status: TypeAlias = Literal["learning", "normal", "pending", "firing", "recovering", "resolved"]
Severity: TypeAlias = Literal["warning", "critical"]
ELEVATED: Final = frozenset({"pending", "firing", "recovering"})
LIVE: Final = frozenset({"firing", "recovering"})
DOUBLING: Final = 2.0
"""How much greater than told last an effect (observed over expected) is told again."""


class Episode(msgspec.Struct, frozen=True, array_like=True):
    """
    One alert from firing to its end; ticks. ``resolved`` is -1 while it lives.

    ``onset`` and the series identify it; ``about`` is what it was about when it fired, ``peak`` the
    highest ln M, ``ratio`` the effect that was told last (0: none yet).
    """

    onset: int
    fired: int
    about: Kind
    severity: Severity
    peak: float
    resolved: int = -1
    reopened: int = 0
    ratio: float = 0.0


class Machine(msgspec.Struct, frozen=True, array_like=True):
    """The state since a tick, and the episode that lives or may be reopened."""

    status: Status
    since: int
    episode: Episode | None = None


class Signal(NamedTuple):
    """
    What a decided tick says.

    ``gate`` says why a gate is shut ("": open); ``low`` that evidence has gone, ``learnt`` that the series
    has learnt; ``unusual`` is the probability that the last hour is unusual still; ``ratio`` the effect.
    """

    log_evidence: float
    fire: bool
    pending: bool
    low: bool
    unusual: float
    learnt: bool
    critical: bool
    gate: str
    onset: int
    about: Kind
    ratio: float = 0.0


class Transition(msgspec.Struct, frozen=True):
    """A move: ``cause`` in a sentence. ``before == after`` where it rose in severity or effect only."""

    tick: int
    before: Status
    after: Status
    cause: str
    severity: Severity | None = None


def move(machine: Machine, tick: int, signal: Signal, parameters: Parameters) -> Machine:
    """Return the machine after a decided tick, at most one state further."""
    episode = machine.episode
    if machine.status in LIVE and episode is not None:
        return _live(machine, episode, tick, signal, parameters)
    if episode is not None and tick - episode.resolved > parameters.ticks(parameters.reopen):
        episode = None
    if signal.fire and not signal.gate:
        return Machine("firing", tick, _fired(episode, tick, signal))
    if signal.fire or signal.pending or (machine.status == "pending" and not signal.low):
        return _to(machine, "pending", tick, episode)
    if machine.status == "resolved" and episode is not None:
        return machine
    return _to(machine, "normal" if signal.learnt else "learning", tick, episode)


def _live(
    machine: Machine, episode: Episode, tick: int, signal: Signal, parameters: Parameters
) -> Machine:
    grown = machine.status == "firing" and signal.fire
    grown = grown and signal.ratio >= DOUBLING * episode.ratio
    episode = msgspec.structs.replace(
        episode,
        peak=max(episode.peak, signal.log_evidence),
        severity="critical" if signal.critical else episode.severity,
        ratio=signal.ratio if grown else episode.ratio,
    )
    if machine.status == "firing":
        calm = signal.unusual < parameters.calm_below
        return _to(machine, "recovering" if calm else "firing", tick, episode)
    if signal.unusual >= parameters.rising_above:
        return Machine("firing", tick, episode)
    if tick - machine.since < parameters.ticks(parameters.calm_for):
        return Machine("recovering", machine.since, episode)
    return Machine("resolved", tick, msgspec.structs.replace(episode, resolved=tick))


def _fired(episode: Episode | None, tick: int, signal: Signal) -> Episode:
    severity: Severity = "critical" if signal.critical else "warning"
    if episode is None:
        return Episode(
            signal.onset, tick, signal.about, severity, signal.log_evidence, ratio=signal.ratio
        )
    return msgspec.structs.replace(
        episode,
        severity="critical" if signal.critical else episode.severity,
        peak=max(episode.peak, signal.log_evidence),
        resolved=-1,
        reopened=episode.reopened + 1,
        ratio=signal.ratio,
    )


def _to(machine: Machine, status: Status, tick: int, episode: Episode | None) -> Machine:
    return Machine(status, machine.since if machine.status == status else tick, episode)


def transitions(before: Machine, after: Machine, tick: int, signal: Signal) -> list[Transition]:
    """Return what is to be told of a step, in order; nothing where nothing moved."""
    moved = before.status != after.status
    if moved:
        severity = after.episode.severity if after.episode and after.status in LIVE else None
        cause = _cause(before, after, signal)
        return [Transition(tick, before.status, after.status, cause, severity)]
    if before.episode is None or after.episode is None:
        return []
    if before.episode.severity != after.episode.severity:
        return [Transition(tick, after.status, after.status, "severity rose", "critical")]
    # A state of before this release holds no effect: what stands there first is not told.
    if 0 < before.episode.ratio != after.episode.ratio:
        return [Transition(tick, after.status, after.status, "its effect has doubled")]
    return []


def _cause(before: Machine, after: Machine, signal: Signal) -> str:
    if after.status == "firing":
        if before.status == "recovering":
            return "rises again: the last hour no longer looks usual"
        again = after.episode is not None and after.episode.reopened
        return f"{'reopened: ' if again else ''}the evidence reached the threshold"
    if after.status == "pending":
        return f"held back: {signal.gate}" if signal.fire else "the evidence is unusual"
    if before.status == "learning" and after.status == "normal":
        return "learnt"
    return _CAUSES[after.status]


_CAUSES: Final[dict[Status, str]] = {
    "recovering": "the last hour looks usual",
    "resolved": "it went on looking usual",
    "normal": "the evidence has gone",
    "learning": "the evidence has gone; still learning",
}
