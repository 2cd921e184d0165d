import json
from datetime import UTC, datetime

import pytest

from groundswell.errors import Rejected
from groundswell.news import decode_item

GOOD = {"id": "1", "source": "s", "published_at": "2026-03-02T09:30:00Z", "title": "t"}


def decode(value):
    return decode_item(
        value if isinstance(value, bytes | None) else json.dumps(value).encode(), 10_000
    )


def test_a_plain_item():
    item = decode({**GOOD, "channel": "post", "unknown": {"kept": False}})

    assert (item.id, item.source, item.channel, item.title, item.body) == (
        "1",
        "s",
        "post",
        "t",
        "",
    )
    assert item.published_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not_json"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"id": "\xc3\x28"}', "not_json"),
        (
            b'{"id":"1","source":"s","published_at":"2026-03-02T09:30:00Z","title":"\\ud800"}',
            "not_json",
        ),
        (b"[]", "not_object"),
        (b"null", "not_object"),
        (b'"text"', "not_object"),
        (b'{"x":' + b"[" * 9_000, "too_deep"),
        (b'{"x":' * 1_900, "too_deep"),
        (b" " * 10_001, "too_large"),
        ({}, "bad_field"),
        ({**GOOD, "id": ""}, "bad_field"),
        ({**GOOD, "id": 1}, "bad_field"),
        ({**GOOD, "id": "x" * 513}, "bad_field"),
        ({**GOOD, "source": "x" * 129}, "bad_field"),
        ({**GOOD, "channel": "radio"}, "bad_field"),
        ({**GOOD, "title": None}, "bad_field"),
        ({**GOOD, "published_at": "2026-03-02T09:30:00"}, "bad_field"),
        ({**GOOD, "published_at": "yesterday"}, "bad_field"),
        ({**GOOD, "published_at": "99999-01-01T00:00:00Z"}, "bad_field"),
        ({**GOOD, "specversion": "0.3"}, "bad_field"),
        ({"specversion": "1.0", "id": "1", "data": "text"}, "bad_field"),
        ({"specversion": "1.0", "data": GOOD | {"id": None}}, "bad_field"),
        (b'["specversion"]', "not_object"),
    ],
)
def test_bad_input_is_refused_with_its_reason(value, reason):
    with pytest.raises(Rejected) as refused:
        decode(value)

    assert refused.value.reason == reason
    assert refused.value.detail


def test_the_last_of_two_equal_keys_counts():
    assert decode(json.dumps(GOOD).encode()[:-1] + b',"title":"second"}').title == "second"


def test_a_cloud_event_lends_its_attributes():
    event = {
        "specversion": "1.0",
        "type": "news",
        "id": "e-1",
        "source": "/feed",
        "time": "2026-03-02T09:30:00+02:00",
        "data": {"title": "t"},
    }

    item = decode(event)

    assert (item.id, item.source) == ("e-1", "/feed")
    assert item.published_at.astimezone(UTC) == datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
    assert decode({**event, "data": {"title": "t", "id": "own"}}).id == "own"


def test_an_item_that_mentions_specversion_is_no_cloud_event():
    assert decode({**GOOD, "title": 'the field "specversion" of'}).title.startswith("the field")


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_absurd_years_are_read(year):
    assert decode({**GOOD, "published_at": f"{year}-06-01T00:00:00Z"}).published_at.year == int(
        year
    )
