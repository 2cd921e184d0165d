"""
A step as the script ``count_step.lua`` wants it: its keys, and one argument.

Rule: the script compares the bytes of one field of one hash, and writes everything or nothing; the state
of a partition is such a field, and so is what a series still lacks of its past.
"""

from importlib.resources import files
from typing import Final, NamedTuple

import msgspec

from consumers.adapters import keys
from consumers.adapters.redis_script import Script, raw
from consumers.counts.core.cells import pack
from consumers.counts.core.levels import LEVELS, end_of
from consumers.counts.core.shelf import keeping
from consumers.counts.core.step import SOURCES_NAMED, Retention, Step, deleted_at_most

ANY: Final = "any"
"""Stands for a version of the registry where none matters."""

call = Script((files(__package__) / "count_step.lua").read_text("utf-8"))


class Swap(NamedTuple):
    """What to compare and set: a field of a hash, and both its values ("": none)."""

    hash: str
    field: str
    expected: bytes
    new: bytes


class Carried(NamedTuple):
    """How the span of story lines goes on: up to where it must reach, and the step's positions."""

    anchor: str
    began: str
    position: str


class Defined(NamedTuple):
    """A series, and the words by which it must be followed for a step to be written ("": no series)."""

    series: str
    words: bytes


WHATEVER: Final = Defined("", b"")


def laid_out(
    prefix: str,
    shard: int,
    swap: Swap,
    step: Step,
    retention: Retention,
    carried: Carried,
    defined: Defined = WHATEVER,
) -> tuple[list[str], bytes]:
    """Return keys and argument of the script; without ``carried.position`` the spans stay as they are."""
    expired = retention.expired_before(step.state.mark)
    windows: list[int] = []
    deltas: list[list[object]] = []
    for name, fields in step.cells.items():
        windows += (end_of(name.level, name.window), LEVELS.index(name.level) + 1)
        deltas.append([part for f, tally in fields.items() for part in (f, raw(pack(tally)))])
    shelves = [
        [part for minute, entry in entries for part in (minute, raw(entry))]
        for entries in step.lines.values()
    ]
    keepings = [
        [rule.allowed, rule.newest, [part for age in rule.ages for part in age]]
        for rule in (keeping(new=shelf.new) for shelf in step.lines)
    ]
    argument = [
        swap.field,
        raw(swap.expected),
        raw(swap.new),
        windows,
        deltas,
        [part for touched in step.touched.items() for part in touched],
        [part for bundle in step.bundles.items() for part in bundle],
        [expired[level] for level in LEVELS],
        deleted_at_most(step),
        [*carried, shelves, keepings],
        step.version,
        [SOURCES_NAMED, [part for minute_of in step.sources.items() for part in minute_of]],
        [defined.series, raw(defined.words)],
    ]
    names = [
        swap.hash,
        keys.series(prefix, shard),
        keys.bundles(prefix, shard),
        *(keys.ends(prefix, shard, level) for level in LEVELS),
        keys.spans(prefix, shard),
        keys.shelf_ends(prefix, shard),
        keys.version(prefix, shard),
        keys.sources(prefix, shard),
        keys.followed(prefix, shard),
        *(keys.cells(prefix, shard, name) for name in step.cells),
        *(keys.lines(prefix, shard, shelf) for shelf in step.lines),
    ]
    return names, msgspec.msgpack.encode(argument)
