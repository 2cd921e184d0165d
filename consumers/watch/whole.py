"""
A decided minute as a whole: surges, events, silences, trials; the state in, the same out.

    silent series         have no data in this minute: neither their evidence nor their baseline moves
    surges, umbrella      ``rounds``
    silences, events      ``core``
    trials                what is watched of a surge alert until it is judged

Rules: a function of its arguments; nothing is written down here (``written``). An hour in which a series
fell silent teaches its baseline nothing, and no series' anything while nothing at all is read.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from consumers.records.alerts import alert_id
from consumers.watch.core import verdict
from consumers.watch.core.events import Events, Happened, happened
from consumers.watch.core.evidence import Seen
from consumers.watch.core.lazily import Schedule
from consumers.watch.core.silences import ALL, Silences, silences, silent_series
from consumers.watch.core.states import LIVE
from consumers.watch.core.together import All
from consumers.watch.core.verdict import Trial
from consumers.watch.evidence import Setting
from consumers.watch.keeping import Kept
from consumers.watch.ports import Story
from consumers.watch.rounds import Decided, decide_minute

JUDGED_BY = 20
"""Stories that are read to judge an alert."""


class Wanted(NamedTuple):
    """Stories to be read: of a series, first counted in the minutes ``first`` to ``last``."""

    series: str
    first: int
    last: int


class Whole(NamedTuple):
    """A minute with everything decided in it; ``over`` are the trials that end, by alert."""

    decided: Decided
    kept: Kept
    silences: Silences
    happened: Happened
    over: Mapping[str, Trial]
    before: Kept

    @property
    def minute(self) -> int:
        """The minute."""
        return self.decided.minute

    @property
    def moved(self) -> bool:
        """Whether there is anything to tell."""
        return bool(
            any(d.transitions for d in self.decided.round.decisions.values())
            or self.decided.before.umbrella != self.decided.round.state.umbrella
            or self.silences.raised
            or self.silences.ended
            or self.happened.raised
            or self.happened.ended
            or self.over
        )

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """The stories that are needed to write the minute down."""
        wanted = []
        for name in self.decided.told:
            spell = self.decided.round.decisions[name].series.machine.episode
            wanted.append(Wanted(name, spell.onset if spell else self.minute, self.minute))
        wanted += [Wanted(name, onset, self.minute) for name, onset in self.decided.under]
        wanted += [Wanted(t.series, t.minute, t.minute) for t in self.happened.ended]
        wanted += [Wanted(t.series, t.onset, t.resolved) for t in self.over.values()]
        return tuple(dict.fromkeys(wanted))


def candidates(seen: Mapping[str, Seen | None], setting: Setting) -> tuple[str, ...]:
    """Return the series in whose stories of a minute an event may be found."""
    if not setting.graves.events:
        return ()
    return tuple(
        name
        for name, s in sorted(seen.items())
        if s and s.negative + s.late_negative and setting.tiers.may_trust(s)
    )


def whole_minute(
    before: Kept,
    minute: int,
    seen: Mapping[str, Seen],
    stories: Mapping[str, Sequence[Story]],
    setting: Setting,
    known: Schedule | None,
) -> Whole:
    """Decide a minute; ``stories`` are those of ``candidates``, new in it."""
    mute = silent_series(before.rhythms) - seen.keys()
    shown: dict[str, Seen | None] = {name: setting.tiers.marked(s) for name, s in seen.items()}
    shown |= {name: None for name in mute if name in before.detectors.series}
    decided = decide_minute(before.detectors, minute, shown, setting, known)
    quiet = silences(before.rhythms, minute, shown, setting.sources, setting.left_out)
    state = _unlearning(decided.round.state, silent_series(quiet.rhythms))
    decided = decided._replace(round=decided.round._replace(state=state))
    events = before.events or Events(setting.since)
    news = happened(events, minute, stories, (setting.graves, setting.tiers), setting.limits)
    trials, over = _trials(before, decided, shown, quiet, setting)
    kept = Kept(state, before.partitions, news.state, quiet.rhythms, trials)
    return Whole(decided, kept, quiet, news, over, before)


def _unlearning(state: All, mute: frozenset[str]) -> All:
    """Return the state in which the open hours of silent series teach nothing."""
    names = state.series.keys() if ALL in mute else mute & state.series.keys()
    frozen = {
        name: msgspec.structs.replace(held, open=msgspec.structs.replace(held.open, frozen=True))
        for name in names
        if not (held := state.series[name]).open.frozen
    }
    return msgspec.structs.replace(state, series=state.series | frozen) if frozen else state


def _trials(
    before: Kept,
    decided: Decided,
    seen: Mapping[str, Seen | None],
    quiet: Silences,
    setting: Setting,
) -> tuple[dict[str, Trial], dict[str, Trial]]:
    """Return the trials that go on, and those that are over, by alert."""
    parameters, minute = setting.parameters, decided.minute
    trials = dict(before.trials)
    for name, decision in decided.round.decisions.items():
        spell = decision.series.machine.episode
        fired = any(t.after == "firing" and t.before not in LIVE for t in decision.transitions)
        if fired and spell and decision.null:
            trial = verdict.trial_of(
                name, spell.onset, minute, spell.about, decision.null, decision.effect
            )
            trials[alert_id("surge", name, spell.onset)] = trial
    mute, over = silent_series(quiet.rhythms), {}
    for key, before_it in sorted(trials.items()):
        name = before_it.series
        trial = verdict.gone_on(
            before_it,
            minute,
            seen.get(name, Seen(0, 0)),
            decided.round.decisions.get(name),
            _fault(setting, muted=ALL in mute or name in mute),
            parameters,
        )
        held = decided.round.state.series.get(name)
        lives = held is not None and held.machine.status in LIVE
        if lives != (trial.resolved < 0):
            trial = msgspec.structs.replace(trial, resolved=-1 if lives else minute)
        if verdict.is_over(trial, minute, parameters):
            over[key] = trial
            del trials[key]
        else:
            trials[key] = trial
    return trials, over


def _fault(setting: Setting, *, muted: bool) -> str:
    """Return what of this minute makes an alert void, or nothing."""
    if setting.left_out:
        return f"partition {setting.left_out[0]} stood still"
    return "the feed fell silent" if muted else ""
