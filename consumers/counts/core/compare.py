"""
Comparing what the log says with what the store holds.

Rules: what either side may have deleted is left out and counted as left out, never called equal; each
difference is a sentence with its place and both values.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from consumers.counts.core.cells import Tally
from consumers.counts.core.levels import (
    MINUTE_MS,
    MINUTES,
    CellHash,
    Level,
    Shelf,
    bucket_of,
    end_of,
)
from consumers.counts.core.lines import Entry, StoryLine, decode_line, fields_of, place_of
from consumers.counts.core.state import PartitionState, Totals

_OF_THE_LOG = frozenset({"log_lost", "log_recreated"})
"""Totals that say what happened to the log itself: no reading of it can repeat them."""


class Scope(NamedTuple):
    """
    What can be compared in a shard.

    ``expired`` per level: windows that end there or before may be gone (minutes since 1970). ``since``
    (ms): what lies before it may rest on records that the log has deleted; 0 for a whole log.
    """

    expired: Mapping[Level, int]
    since: int


class Compared(NamedTuple):
    """The outcome for some cells or story lines."""

    equal: int
    left_out: int
    differences: tuple[str, ...]


def compare_cells(
    name: CellHash, log: Mapping[int, Tally], store: Mapping[int, Tally], scope: Scope
) -> Compared:
    """Compare the cells of one hash."""
    fields = log.keys() | store.keys()
    if end_of(name.level, name.window) <= scope.expired[name.level]:
        return Compared(0, len(fields), ())
    equal = left_out = 0
    differences = []
    for field in sorted(fields):
        bucket = bucket_of(name.level, name.window, field)
        if bucket * MINUTES[name.level] * MINUTE_MS < scope.since:
            left_out += 1
        elif log.get(field) == store.get(field):
            equal += 1
        else:
            differences.append(
                f"{name.series}, {name.level} {bucket}: the log says {log.get(field)}, the store "
                f"{store.get(field)}"
            )
    return Compared(equal, left_out, tuple(differences))


def compare_lines(
    shelf: Shelf,
    log: Collection[Entry],
    store: Collection[Entry],
    scope: Scope,
    since: Mapping[int, int | None],
) -> Compared:
    """
    Compare the entries of a shelf: each that only one side has is a difference.

    ``since`` says, by partition, from which position of the log on the store has kept them all; what it
    holds of before is left out.
    """
    store = [e for e in store if _kept_since(decode_line(e[1]), since)]
    ours, theirs = (
        {
            entry
            for entry in entries
            if entry[0] >= scope.expired["minute"] and entry[0] * MINUTE_MS >= scope.since
        }
        for entries in (log, store)
    )
    left_out = len({*log, *store}) - len(ours | theirs)
    theirs = (theirs & ours) | _as_ours(theirs - ours, ours - theirs)
    differences = []
    for entry in sorted(ours ^ theirs):
        line = decode_line(entry[1])
        only = "the log" if entry in ours else "the store"
        differences.append(
            f"{shelf.series}, line of minute {entry[0]}: only {only} has {line.topic}/"
            f"{line.partition} offset {line.offset} ({'new' if shelf.new else 'a copy'})"
        )
    return Compared(len(ours & theirs), left_out, tuple(differences))


def _kept_since(line: StoryLine, since: Mapping[int, int | None]) -> bool:
    first = since.get(line.log_partition, 0)
    return first is not None and line.log_offset >= first


def _as_ours(theirs: Collection[Entry], ours: Collection[Entry]) -> set[Entry]:
    """
    Return entries of the store with those in their place that the log says as well.

    Another release may have written fewer fields, or in another order of a minute: compared is what it
    wrote.
    """
    places = {place_of(decode_line(entry[1])): entry for entry in ours}
    found = set()
    for entry in theirs:
        same = places.get(place_of(decode_line(entry[1])))
        said = fields_of(entry[1])
        equal = same is not None and fields_of(same[1])[: len(said)] == said
        found.add(same if same is not None and equal else entry)
    return found


def compare_states(
    partition: int, log: PartitionState, store: PartitionState, *, whole: bool, since: int = 0
) -> Iterator[str]:
    """
    Yield what differs.

    With a log that is not ``whole`` its totals are not comparable, nor are fences of which it says
    nothing any more, nor a newest arrival before ``since`` (ms).
    """
    place = f"partition {partition}"
    yield from _differ(f"{place}, mark", log.mark, store.mark)
    if whole or log.newest > store.newest or store.newest >= since:
        yield from _differ(f"{place}, newest", log.newest, store.newest)
    ours, theirs = (
        {(f.topic, f.topic_id, f.partition): f.offset for f in state.fences}
        for state in (log, store)
    )
    if not whole:
        theirs = {key: offset for key, offset in theirs.items() if key in ours}
    yield from _differ(f"{place}, fences", ours, theirs)
    if whole:
        for field in Totals.__struct_fields__:
            if field not in _OF_THE_LOG:
                ours, theirs = getattr(log.totals, field), getattr(store.totals, field)
                yield from _differ(f"partition {partition}, {field}", ours, theirs)


def compare_series(
    log: Mapping[str, int], store: Mapping[str, int], scope: Scope
) -> Iterator[tuple[str, str]]:
    """Yield what differs in the index of series, with the series."""
    for name in sorted(log.keys() | store.keys()):
        ours, theirs = log.get(name), store.get(name)
        if theirs is not None and theirs * MINUTE_MS < scope.since and (ours or 0) < theirs:
            continue  # it may rest on what the log has deleted
        for sentence in _differ(f"series {name}, newest minute", ours, theirs):
            yield name, sentence


def _differ(what: str, log: object, store: object) -> Iterator[str]:
    if log != store:
        yield f"{what}: the log says {log}, the store {store}"
