"""The oracle notices what it is there for."""

import json

from consumers.ports import Record
from tests.integration.oracle import verdicts


def record(place, kind, offset, after, **more):
    said = {"kind": kind, "origin": {"partition": 0, "offset": offset, "after": after}, **more}
    return Record(0, place, 0, json.dumps(said).encode())


def opinion(place, offset, after, minute=0):
    return record(
        place, "opinion", offset, after, bundle="b@1", arrived_at=f"2026-01-05T09:{minute:02}:00Z"
    )


def test_a_repeat_and_a_hole_do_not_count():
    log = [opinion(0, 0, -1), opinion(1, 1, 0), opinion(2, 1, 0), opinion(3, 3, 2)]

    said = verdicts({0: log})

    assert (said.counted, said.repeats, said.holes) == (2, 1, 1)
    assert said.missing({0: 4}) == {0: [2, 3]}


def test_a_mark_that_promised_too_much_is_seen():
    mark = record(1, "mark", 0, 0, at="2026-01-05T09:30:00Z")

    said = verdicts({0: [opinion(0, 0, -1, 10), mark, opinion(2, 1, 0, 29), opinion(3, 2, 1, 30)]})

    assert said.broken_marks == 1


def test_a_mark_above_a_hole_is_not_believed():
    mark = record(1, "mark", 5, 5, at="2026-01-05T09:30:00Z")

    said = verdicts({0: [opinion(0, 0, -1, 10), mark, opinion(2, 1, 0, 11)]})

    assert said.broken_marks == 0


def test_a_gap_is_lost_and_a_refusal_keeps_its_reason():
    gap = record(1, "gap", 4, 0)
    refusal = record(2, "refusal", 5, 4, reason="not_json", arrived_at="2026-01-05T09:00:00Z")

    said = verdicts({0: [opinion(0, 0, -1), gap, refusal]})

    assert (said.lost, said.refused, dict(said.kinds)) == (4, 1, {"opinion": 1, "not_json": 1})
