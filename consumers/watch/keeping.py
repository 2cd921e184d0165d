"""
The detector's state as it stands in the records: one value per name, in msgpack.

    meta          what it was written with, and the partitions that are waited for
    pool          what all series share
    umbrella      what stands over them
    s:<series>    what changes with every minute
    b:<series>    the baseline, which changes with every period
    events        the grave stories that were told
    q:<key>       how often a source or a series speaks
    v:<alert>     the trial of an alert that is not judged yet

Rules: a quiet series stands at an earlier minute than the last decided one (``core/quiet.py``): its state
is not written until it is decided. Equal states have equal encodings; only what changed is written (``changes``); what this release
cannot read is refused, not guessed at.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from consumers.watch.core.baseline import Baseline
from consumers.watch.core.decide import Series
from consumers.watch.core.events import Events
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.season import Pool
from consumers.watch.core.silence import Rhythm
from consumers.watch.core.together import All, none_yet
from consumers.watch.core.umbrella import Umbrella
from consumers.watch.core.verdict import Trial
from groundswell.errors import CannotContinue

FORM: Final = 2
"""The form of the values; another one is another release's."""


class Meta(msgspec.Struct, frozen=True):
    """``ratios`` are the components of the evidence, ``tick`` its minutes: both shape the state."""

    form: int
    tick: int
    ratios: tuple[float, ...]
    partitions: tuple[int, ...] = ()


class Kept(NamedTuple):
    """
    The detectors, the partitions that have been seen, and what else is remembered.

    ``events`` is None before the first minute; ``rhythms`` are by key, ``trials`` by alert.
    """

    detectors: All
    partitions: tuple[int, ...]
    events: Events | None = None
    rhythms: Mapping[str, Rhythm] = {}
    trials: Mapping[str, Trial] = {}


_encode: Final = msgspec.msgpack.Encoder().encode


def none_kept(parameters: Parameters) -> Kept:
    """Return the state before the first minute."""
    return Kept(none_yet(parameters), ())


def changes(before: Kept, after: Kept, parameters: Parameters, *, first: bool) -> dict[str, bytes]:
    """Return the values that differ, by name; ``first``: all of them. An empty one removes a name."""
    old, new = before.detectors, after.detectors
    changed: dict[str, bytes] = {}
    if first or before.partitions != after.partitions:
        meta = Meta(FORM, parameters.tick, parameters.ratios, after.partitions)
        changed["meta"] = _encode(meta)
    if first or old.pool is not new.pool:
        changed["pool"] = _encode(new.pool)
    if first or old.umbrella != new.umbrella:
        changed["umbrella"] = _encode(new.umbrella)
    if after.events is not None and (first or before.events != after.events):
        changed["events"] = _encode(after.events)
    for prefix, was, now in (
        ("s:", old.series, new.series),
        ("b:", old.baselines, new.baselines),
        ("q:", before.rhythms, after.rhythms),
        ("v:", before.trials, after.trials),
    ):
        changed |= _differing(prefix, was, now, first=first)
    return changed


def _differing(
    prefix: str, was: Mapping[str, object], now: Mapping[str, object], *, first: bool
) -> dict[str, bytes]:
    """Return the values that are not the same ones, and nothing for those that are gone."""
    changed = {
        f"{prefix}{name}": _encode(value)
        for name, value in now.items()
        if first or was.get(name) is not value
    }
    return changed | {f"{prefix}{name}": b"" for name in was.keys() - now.keys()}


def restored(states: Mapping[str, bytes], parameters: Parameters) -> Kept:
    """Decode what ``changes`` wrote. Raises ``CannotContinue`` for what this release did not write."""
    if not states:
        return none_kept(parameters)
    try:
        meta = msgspec.msgpack.decode(states["meta"], type=Meta)
        if (meta.form, meta.tick, meta.ratios) != (FORM, parameters.tick, parameters.ratios):
            raise CannotContinue(f"the detectors' state is of form {meta.form}; {_ADVICE}")
        detectors = All(
            {n[2:]: msgspec.msgpack.decode(v, type=Series) for n, v in _of(states, "s:")},
            {n[2:]: msgspec.msgpack.decode(v, type=Baseline) for n, v in _of(states, "b:")},
            msgspec.msgpack.decode(states["pool"], type=Pool),
            msgspec.msgpack.decode(states["umbrella"], type=Umbrella),
        )
        events = states.get("events")
        return Kept(
            detectors,
            meta.partitions,
            msgspec.msgpack.decode(events, type=Events) if events else None,
            {n[2:]: msgspec.msgpack.decode(v, type=Rhythm) for n, v in _of(states, "q:")},
            {n[2:]: msgspec.msgpack.decode(v, type=Trial) for n, v in _of(states, "v:")},
        )
    except (KeyError, msgspec.DecodeError) as error:
        raise CannotContinue(
            f"the detectors' state in the records cannot be read ({error}); {_ADVICE}"
        ) from error


def _of(states: Mapping[str, bytes], prefix: str) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in states.items() if name.startswith(prefix)]


_ADVICE = "run the release that wrote it, or begin with an empty records database"
