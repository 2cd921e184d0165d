"""Comparing story lines: by what they say."""

import msgspec
import pytest
from msgspec.structs import replace

from consumers.counts.core.compare import Compared, Scope, compare_lines
from consumers.counts.core.levels import Shelf
from consumers.counts.core.lines import encode_line, line_of
from tests.count_world import opinion

KEY = 20  # bytes before the line
SHELF = Shelf("all", True)  # noqa: FBT003
SCOPE = Scope({"minute": 0, "hour": 0, "day": 0}, 0)


@pytest.fixture
def line():
    return line_of(opinion(0), 7, (0, 0), late=False, new=True)


def test_a_line_of_a_release_that_wrote_fewer_fields_is_equal(line):
    ours = encode_line(line)
    fields = msgspec.msgpack.decode(ours[1][KEY:])
    before = (ours[0], ours[1][:KEY] + msgspec.msgpack.encode(fields[:-1]))

    assert before != ours
    assert compare_lines(SHELF, [ours], [before], SCOPE) == Compared(1, 0, ())


def test_a_line_that_says_something_else_is_named_on_both_sides(line):
    other = encode_line(replace(line, title="another"))
    found = compare_lines(SHELF, [encode_line(line)], [other], SCOPE)
    assert (found.equal, found.left_out) == (0, 0)
    assert ["only the log" in s for s in found.differences].count(True) == 1
    assert len(found.differences) == 2


def test_what_is_too_old_is_left_out_and_counted_once(line):
    entry = encode_line(line)
    scope = SCOPE._replace(expired={"minute": 8, "hour": 0, "day": 0})
    assert compare_lines(SHELF, [entry], [entry], scope) == Compared(0, 1, ())
