"""What `serve` decides, without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.web.core import frames, keys
from consumers.web.core.access import NEEDS, OF_ROLE, ROLES, SCOPES, Caller, beyond, granted
from consumers.web.core.limits import Bucket, Rate, idle, take
from consumers.web.core.pages import cursor, not_modified, number_of, place_of, still, tag_of
from consumers.web.core.problems import TYPES, kind_of, problem
from consumers.web.core.series import COLUMNS, DEFINITIONS, Cell, CellForm, csv_of
from groundswell.action_links import Allowed, link_keys, opened, signed
from groundswell.errors import Rejected

ALERT = "2cf3ef7609faaa8c-28333333"


def test_roles_grow_and_every_scope_opens_something():
    assert OF_ROLE["viewer"] < OF_ROLE["analyst"] < OF_ROLE["admin"] == frozenset(SCOPES)
    assert set(NEEDS.values()) == set(SCOPES)


@given(st.sampled_from(ROLES), st.sets(st.sampled_from(SCOPES)))
def test_a_key_is_never_widened(role, scopes):
    assert granted(role, scopes) <= OF_ROLE[role]
    assert set(beyond(role, scopes)) == scopes - OF_ROLE[role]


def test_what_is_anothers_is_seen_by_an_administrator_alone():
    mine = Caller("k", "ann", "analyst", frozenset())
    assert mine.sees("ann")
    assert not mine.sees("bob")
    assert mine._replace(role="admin").sees("bob")


@given(st.binary(min_size=36, max_size=36))
def test_a_key_is_found_by_its_id_and_known_by_its_hash(random):
    made = keys.new_key(random)
    assert keys.id_of(made.text) == made.id
    assert keys.same(made.text, made.hashed)
    assert not keys.same(made.text[:-1] + ("A" if made.text[-1] != "A" else "B"), made.hashed)
    assert made.text[13:] not in keys.redacted(f"who sent {made.text}?")
    assert made.text not in made.hashed


@pytest.mark.parametrize("size", [0, 35, 37])
def test_a_key_of_less_chance_is_not_made(size):
    with pytest.raises(ValueError, match="36 bytes"):
        keys.new_key(b"x" * size)


@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_key_by_accident(text):
    assert keys.id_of(text) is None
    assert keys.bearer(f"Basic {text}") is None


@given(
    st.lists(st.floats(0, 50, allow_nan=False), max_size=60),
    st.floats(0.1, 20),
    st.integers(1, 30),
)
def test_no_span_of_time_lets_more_through_than_rate_and_burst(gaps, rate, burst):
    limit, now, bucket, passed = Rate(rate, burst), 0.0, None, []
    for gap in gaps:
        now += gap
        taken = take(bucket, limit, now)
        bucket = taken.bucket
        if taken.allowed:
            passed.append(now)
        else:
            assert take(bucket, limit, now + taken.wait + 1e-6).allowed
    for n, begin in enumerate(passed):
        for m in range(n, len(passed)):
            assert m - n + 1 <= burst + rate * (passed[m] - begin) + 1e-6


def test_full_buckets_are_forgotten():
    limit = Rate(2.0, 10)
    assert list(idle({"old": Bucket(0, 0), "new": Bucket(0, 4)}, limit, 5)) == ["old"]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_a_cursor_leads_back_to_its_place_in_its_list_alone(place):
    assert place_of("alerts", cursor("alerts", place)) == place
    with pytest.raises(Rejected, match="none of this list"):
        place_of("series", cursor("alerts", place))


@given(st.text(max_size=700))
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(Rejected):
        number_of("audit", text)


def test_numbers_in_cursors():
    assert number_of("audit", None) is None
    assert number_of("audit", cursor("audit", "17")) == 17
    for place in ("x", "-1", "9" * 19, "¹"):
        with pytest.raises(Rejected):
            number_of("audit", cursor("audit", place))


def test_entity_tags_are_compared_as_the_standard_says():
    tag = tag_of(b"body")
    assert not_modified(f'"x", W/{tag}', tag)
    assert not_modified("*", tag)
    assert not not_modified('"x"', tag)
    assert not not_modified(None, tag)
    assert still(tag, tag)
    assert not still(f"W/{tag}", tag)
    assert tag_of(b"body") == tag != tag_of(b"other")


def test_every_problem_has_a_type_a_title_and_its_status():
    for kind, (status, title) in TYPES.items():
        made = problem(kind, "why")
        assert (made.status, made.title, made.type.rpartition(":")[2]) == (status, title, kind)
        assert kind_of(status) == kind
    assert (kind_of(418), kind_of(599)) == ("bad-request", "internal")


@given(st.text(), st.integers(0, 10**17))
def test_no_text_ends_an_event(text, number):
    import msgspec

    frame = frames.event("transition", msgspec.json.encode({"title": text}), number)
    head, data, *rest = frame.removesuffix(b"\n\n").split(b"\ndata: ")
    assert head == b"id: %d\nevent: transition" % number
    assert rest == []
    assert not {b"\n", b"\r"} & {data[n : n + 1] for n in range(len(data))}
    assert frames.last_id(str(number), None) == number


def test_where_a_stream_goes_on():
    assert frames.last_id(None, None) is None
    assert frames.last_id("", "") is None
    assert frames.last_id("7", "5") == 7
    assert frames.last_id(None, "5") == 5
    for wrong in ("x", "-1", "1.5", "9" * 19, "٣"):
        with pytest.raises(Rejected, match="no number"):
            frames.last_id(wrong, None)


KEYS = link_keys("one, two")


def test_a_link_allows_one_thing_until_it_expires():
    allowed = Allowed("acknowledge", ALERT, 1000, "Ann Ünal")
    token = signed(allowed, KEYS)
    assert opened(token, KEYS, 999) == allowed
    assert opened(token, KEYS[::-1], 999) == allowed
    with pytest.raises(Rejected, match="expired"):
        opened(token, KEYS, 1000)
    with pytest.raises(Rejected, match="not made here"):
        opened(token, link_keys("three"), 1)


@given(st.data())
def test_a_link_that_was_changed_anywhere_opens_nothing(data):
    token = signed(Allowed("acknowledge", ALERT, 1000, "ann"), KEYS)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(codec="ascii"))
    if letter != token[place]:
        with pytest.raises(Rejected):
            opened(token[:place] + letter + token[place + 1 :], KEYS, 1)


def test_every_number_of_a_cell_has_a_definition():
    assert set(DEFINITIONS) == set(Cell.__struct_fields__)


def test_no_cell_of_a_csv_is_a_formula():
    cell = CellForm(at="2026-01-01T00:00:00Z", sources=3, bundles=("=cmd|' /C calc'!A0", "b"))
    text = csv_of('@SUM(1,2)",x', "hour", [cell])
    header, row = text.strip().split("\r\n")
    assert header == ",".join(COLUMNS)
    assert row.startswith('"\'@SUM(1,2)"",x",2026-01-01T00:00:00Z,hour,0')
    assert ",'=cmd|" in row
