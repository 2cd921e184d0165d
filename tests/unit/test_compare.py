"""Comparing story lines: by what they say."""

import struct

import msgspec
import pytest
from msgspec.structs import replace

from consumers.counts.core.compare import Compared, Scope, compare_lines
from consumers.counts.core.levels import Shelf
from consumers.counts.core.lines import decode_line, encode_line, line_of
from tests.count_world import opinion

KEY = 28  # bytes before the line
SHELF = Shelf("all", True)  # noqa: FBT003
SCOPE = Scope({"minute": 0, "hour": 0, "day": 0}, 0)


@pytest.fixture
def line():
    return line_of(opinion(0, language="en"), 7, (0, 3), late=False, new=True)


def of_an_older_release(entry, fields=-1):
    """Return an entry as a release wrote it that knew fewer fields and sorted by arrival."""
    said = msgspec.msgpack.decode(entry[1][KEY:])
    arrival = struct.pack(">Q", decode_line(entry[1]).arrived + 2**63)
    return entry[0], arrival + entry[1][16:KEY] + msgspec.msgpack.encode(said[:fields])


def test_a_line_of_a_release_that_wrote_fewer_fields_is_equal(line):
    ours = encode_line(line)
    before = of_an_older_release(ours)

    assert decode_line(before[1]) == replace(line, language="")
    assert compare_lines(SHELF, [ours], [before], SCOPE, {}) == Compared(1, 0, ())


def test_a_line_of_an_older_release_that_says_something_else_is_named(line):
    before = of_an_older_release(encode_line(replace(line, title="another")))

    assert len(compare_lines(SHELF, [encode_line(line)], [before], SCOPE, {}).differences) == 2


def test_what_the_store_held_before_it_kept_every_line_is_left_out(line):
    entry = encode_line(line)

    assert compare_lines(SHELF, [], [entry], SCOPE, {0: 4}) == Compared(0, 0, ())
    assert compare_lines(SHELF, [], [entry], SCOPE, {0: None}) == Compared(0, 0, ())
    assert len(compare_lines(SHELF, [], [entry], SCOPE, {0: 3}).differences) == 1


def test_a_line_that_says_something_else_is_named_on_both_sides(line):
    other = encode_line(replace(line, title="another"))
    found = compare_lines(SHELF, [encode_line(line)], [other], SCOPE, {})
    assert (found.equal, found.left_out) == (0, 0)
    assert ["only the log" in s for s in found.differences].count(True) == 1
    assert len(found.differences) == 2


def test_what_is_too_old_is_left_out_and_counted_once(line):
    entry = encode_line(line)
    scope = SCOPE._replace(expired={"minute": 8, "hour": 0, "day": 0})
    assert compare_lines(SHELF, [entry], [entry], scope, {}) == Compared(0, 1, ())
