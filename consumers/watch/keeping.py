"""
The detector's state as it stands in the records: one value per name, in msgpack.

    meta          what it was written with, and the partitions that are waited for
    pool          what all series share
    umbrella      what stands over them
    s:<series>    what changes with every minute
    b:<series>    the baseline, which changes with every period

Rules: a quiet series stands at an earlier minute than the last decided one (``core/quiet.py``): its state
is not written until it is decided. Equal states have equal encodings; only what changed is written (``changes``); what this release
cannot read is refused, not guessed at.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from consumers.watch.core.baseline import Baseline
from consumers.watch.core.decide import Series
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.season import Pool
from consumers.watch.core.together import All, none_yet
from consumers.watch.core.umbrella import Umbrella
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
    """The detectors, and the partitions that have been seen."""

    detectors: All
    partitions: tuple[int, ...]


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
    for name, series in new.series.items():
        if first or old.series.get(name) is not series:
            changed[f"s:{name}"] = _encode(series)
    for name, baseline in new.baselines.items():
        if first or old.baselines.get(name) is not baseline:
            changed[f"b:{name}"] = _encode(baseline)
    for name in old.series.keys() - new.series.keys():
        changed[f"s:{name}"] = changed[f"b:{name}"] = b""
    return changed


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
    except (KeyError, msgspec.DecodeError) as error:
        raise CannotContinue(
            f"the detectors' state in the records cannot be read ({error}); {_ADVICE}"
        ) from error
    return Kept(detectors, meta.partitions)


def _of(states: Mapping[str, bytes], prefix: str) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in states.items() if name.startswith(prefix)]


_ADVICE = "run the release that wrote it, or begin with an empty records database"
