"""
One decided minute: what was seen in, what is to be written out.

    let go       alerts that a person resolved
    forget       series that had no story for weeks, once an hour
    decide_due   what was touched or is due, the pool, the umbrella
    moves        each with its alert and, where it is told, its evidence

Rule: a function of its arguments: what is decided again gives the same ids and the same bytes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from consumers.records.alerts import Episode, Move, alert_id
from consumers.watch.core import evidence as evidences
from consumers.watch.core.budget import log_threshold
from consumers.watch.core.decide import Decision, Series
from consumers.watch.core.evidence import Seen
from consumers.watch.core.lazily import Schedule, decide_due
from consumers.watch.core.parameters import Parameters, period_of
from consumers.watch.core.states import ELEVATED, LIVE
from consumers.watch.core.states import Episode as Spell
from consumers.watch.core.together import All, Round
from consumers.watch.core.umbrella import Umbrella
from consumers.watch.evidence import Setting, evidence_of, umbrella_evidence
from consumers.watch.ports import Story

MARKET: Final = "market"
"""The series of the umbrella."""
UNDER: Final = 5
"""Series under an umbrella whose stories are shown with it."""


class Decided(NamedTuple):
    """A minute after the detector, before its evidence was gathered."""

    minute: int
    before: All
    round: Round
    setting: Setting
    known: Schedule

    @property
    def told(self) -> tuple[str, ...]:
        """The series whose alerts moved, for which stories are wanted."""
        return tuple(n for n, d in self.round.decisions.items() if d.transitions and _spell(d))

    @property
    def under(self) -> tuple[tuple[str, int], ...]:
        """The strongest series under an umbrella that rises in this minute, each with its onset."""
        state = self.round.state
        if self.before.umbrella.since >= 0 or state.umbrella.since < 0:
            return ()
        held = {name: state.series[name].evidence for name in state.umbrella.members}
        ranked = sorted(held, key=lambda name: (-evidences.log_evidence(held[name]), name))
        return tuple((name, evidences.heaviest(held[name])[1].onset) for name in ranked[:UNDER])


def decide_minute(
    before: All,
    minute: int,
    seen: Mapping[str, Seen | None],
    setting: Setting,
    known: Schedule | None,
) -> Decided:
    """Decide a minute of all series; ``known`` follows from ``before``, and may be None."""
    state = forgotten(before, minute, setting.parameters)
    if state is not before:
        known = None
    series = len(state.series.keys() | seen.keys())
    log_a = log_threshold(setting.budget, 1.0, max(1, series), setting.parameters.tick)
    done = decide_due(state, minute, seen, log_a, setting.parameters, known, setting.shadows)
    setting = msgspec.structs.replace(setting, log_threshold=log_a, series=series)
    return Decided(minute, before, done.round, setting, done.schedule)


def forgotten(state: All, minute: int, parameters: Parameters) -> All:
    """Return the state without the series that are long quiet, in the first minute of an hour."""
    if period_of(minute - 1, parameters) == period_of(minute, parameters):
        return state
    first = minute - parameters.ticks(parameters.forget_days * 1440)
    gone = {
        name
        for name, held in state.series.items()
        if held.last < first
        and held.machine.status not in ELEVATED
        and held.machine.episode is None
    }
    if not gone:
        return state
    return msgspec.structs.replace(
        state,
        series={name: held for name, held in state.series.items() if name not in gone},
        baselines={name: held for name, held in state.baselines.items() if name not in gone},
    )


def let_go(state: All, minute: int, ids: Collection[str], parameters: Parameters) -> All:
    """Return the state in which the alerts ``ids``, resolved by a person, ended before ``minute``."""
    series = dict(state.series)
    for name, held in state.series.items():
        spell = held.machine.episode
        if spell and held.machine.status in LIVE and alert_id("surge", name, spell.onset) in ids:
            series[name] = _ended(held, spell, minute - 1, parameters)
    umbrella = state.umbrella
    if umbrella.since >= 0 and alert_id("umbrella", MARKET, umbrella.since) in ids:
        umbrella = Umbrella()
    return msgspec.structs.replace(state, series=series, umbrella=umbrella)


def _ended(held: Series, spell: Spell, minute: int, parameters: Parameters) -> Series:
    spell = msgspec.structs.replace(spell, resolved=minute)
    machine = msgspec.structs.replace(held.machine, status="resolved", since=minute, episode=spell)
    return msgspec.structs.replace(
        held,
        machine=machine,
        evidence=evidences.empty(len(held.evidence.logs), minute + 1),
        recent=(),
        cooling_until=minute + parameters.ticks(parameters.cooling),
    )


def written(
    decided: Decided,
    stories: Mapping[str, Sequence[Story]],
    first_evidence: Mapping[str, bytes],
) -> tuple[tuple[Episode, ...], tuple[Move, ...]]:
    """
    Return the alerts and moves of a decided minute.

    ``stories`` are by series, an umbrella's by ``MARKET``; ``first_evidence`` is what each alert that is
    open was raised with, by its id: it stays.
    """
    episodes, moves = _of_umbrella(decided, stories.get(MARKET, ()), first_evidence)
    umbrella = decided.round.state.umbrella
    over = alert_id("umbrella", MARKET, umbrella.since) if umbrella.since >= 0 else ""
    for name, decision in decided.round.decisions.items():
        inhibited = over if name in umbrella.members else ""
        told = _of_series(decided, name, decision, stories.get(name, ()))
        if told:
            moves += told
        if (spell := _spell(decision)) and (told or _joined(decided, name)):
            episodes.append(_episode(name, spell, inhibited, told, first_evidence))
    return tuple(episodes), tuple(moves)


def _spell(decision: Decision) -> Spell | None:
    """Return the episode that a decision moved or that lives, None where there is no alert."""
    machine = decision.series.machine
    live = machine.status in LIVE or machine.status == "resolved"
    return machine.episode if live else None


def _joined(decided: Decided, name: str) -> bool:
    """Say whether a living alert came under the umbrella, or out from under it, in this minute."""
    if decided.round.decisions[name].series.machine.status not in LIVE:
        return False
    before = name in decided.before.umbrella.members
    return before != (name in decided.round.state.umbrella.members)


def _of_series(
    decided: Decided, name: str, decision: Decision, stories: Sequence[Story]
) -> list[Move]:
    spell = _spell(decision)
    moves = []
    for t in decision.transitions:
        evidence = evidence_of(decided.minute, decision, decided.setting, stories)
        moves.append(
            Move(
                series=name,
                before=t.before,
                after=t.after,
                cause=t.cause,
                alert=alert_id("surge", name, spell.onset) if spell else "",
                severity=t.severity,
                evidence=evidence if spell else b"{}",
                tell=spell is not None,
            )
        )
    return moves


def _episode(
    name: str,
    spell: Spell,
    inhibited: str,
    told: Iterable[Move],
    first_evidence: Mapping[str, bytes],
) -> Episode:
    id_ = alert_id("surge", name, spell.onset)
    evidence = first_evidence.get(id_) or next((m.evidence for m in told), b"{}")
    return Episode(
        id=id_,
        kind="surge",
        series=name,
        onset=spell.onset,
        about=spell.about,
        severity=spell.severity,
        peak=spell.peak,
        reopened=spell.reopened,
        inhibited_by=inhibited,
        evidence=evidence,
        ratio=spell.ratio,
    )


def _of_umbrella(
    decided: Decided, stories: Sequence[Story], first_evidence: Mapping[str, bytes]
) -> tuple[list[Episode], list[Move]]:
    """Return the umbrella's alert and its move, where it rose or ended in this minute."""
    before, after = decided.before.umbrella, decided.round.state.umbrella
    if (before.since < 0) == (after.since < 0):
        return [], []
    rose = after.since >= 0
    since, members = (after if rose else before).since, (after if rose else before).members
    id_ = alert_id("umbrella", MARKET, since)
    evidence = umbrella_evidence(decided.minute, members, decided.setting, stories)
    episode = Episode(
        id=id_,
        kind="umbrella",
        series=MARKET,
        onset=since,
        about=f"{len(members)} of {decided.setting.series} series",
        severity="warning",
        evidence=first_evidence.get(id_) or evidence,
    )
    cause = "many series stand out together" if rose else "few series stand out any more"
    move = Move(
        series=MARKET,
        before="normal" if rose else "firing",
        after="firing" if rose else "resolved",
        cause=cause,
        alert=id_,
        severity="warning" if rose else None,
        evidence=evidence,
    )
    return [episode], [move]
