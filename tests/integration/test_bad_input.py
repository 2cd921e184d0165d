"""Hostile input through the real programs: each refused for its reason, the neighbours counted."""

import json
import signal

import pytest

from groundswell.events import REASONS
from tests.integration.stack import headlines, news

GOOD = {
    "id": "x",
    "source": "wire",
    "published_at": "2026-01-05T09:00:00Z",
    "title": "Fed holds rates",
}


def item(**fields):
    return json.dumps(GOOD | fields).encode()


def without(field):
    return json.dumps({k: v for k, v in GOOD.items() if k != field}).encode()


REFUSED = (
    (b"not JSON", "not_json"),
    (b"", "not_json"),
    (None, "not_json"),
    (b'{"id": "cut', "not_json"),
    (b"\xff\xfe\x00", "not_json"),
    (item(title="x").replace(b'"x"', b'"\xc3("'), "not_json"),
    (b'{"id": "\\ud800", "source": "s", "published_at": "2026-01-05T09:00:00Z"}', "not_json"),
    (b"[1, 2]", "not_object"),
    (b'"text"', "not_object"),
    (b"null", "not_object"),
    (without("id"), "bad_field"),
    (without("published_at"), "bad_field"),
    (item(title=7), "bad_field"),
    (item(id="i" * 513), "bad_field"),
    (item(channel="rumour"), "bad_field"),
    (item(published_at="2026-01-05T09:00:00"), "bad_field"),
    (item(published_at="yesterday"), "bad_field"),
    (item(published_at="0001-01-01T00:00:00+14:00"), "bad_field"),
    (item(title="", body=""), "no_text"),
    (item(title=" \t\u0000\u200b", body="\n"), "no_text"),
    (item(body="x" * 20_000), "too_large"),
    (item(extra=0).replace(b'"extra": 0', b'"extra": ' + b"[" * 6_000), "too_deep"),
    (news(["Shares explode"])[0], "model_failed"),
    (news(["nan"])[0], "model_failed"),
)
TAKEN = (
    item(published_at="2099-12-31T23:59:59Z"),
    item(published_at="1901-01-01T00:00:00+02:00"),
    item(title="Fed\u0000 holds\u0007 rates\u202e"),
    item(unknown={"a": [1]}),
    item().replace(b'"id": "x"', b'"id": "first", "id": "second"'),
    item(body="inflation " * 1500),
    item(title="", body="Only a body about the Fed"),
    item(language="ja", title="株価が急落"),
    json.dumps(
        {"specversion": "1.0", "id": "e", "source": "s", "type": "t", "data": GOOD}
    ).encode(),
)


def test_every_reason_is_provoked_here():
    assert {reason for _, reason in REFUSED} == set(REASONS)


@pytest.mark.parametrize("which", ["quick", "embedded"])
async def test_hostile_records_are_refused_with_their_reason_and_their_neighbours_count(
    which, request, make_stack
):
    stack = await make_stack(request.getfixturevalue(which), max_record_bytes=18_000)
    consume = stack.programs.start("consume-1")
    stack.programs.start("count-1")
    good = headlines(len(REFUSED) + 1)
    mixed = [v for pair in zip(good, [value for value, _ in REFUSED], strict=False) for v in pair]
    values = [*mixed, good[-1], *TAKEN]

    await stack.produce(values)
    await stack.wait_until_settled(len(values))

    said = await stack.check_exact()
    assert said.counted == len(good) + len(TAKEN)
    partitions = stack.settings["partitions"]
    got = [
        said.settled[(2 * i + 1) % partitions][(2 * i + 1) // partitions]
        for i in range(len(REFUSED))
    ]
    assert got == [reason for _, reason in REFUSED]
    dead = await stack.kafka.read(stack.dead)
    copies = {r.value for records in dead.values() for r in records}
    assert copies == {value for value, _ in REFUSED}
    consume.signal(signal.SIGTERM)
    assert await consume.ended() == 0


async def test_past_the_limit_of_refusals_it_stops_and_what_was_not_read_is_kept(stack):
    good = headlines(20)
    await stack.produce([*good, *[b"not JSON"] * 400])
    overrides = {"refusal_share": 0.5, "refusal_window": 60, "window_items": 64}
    consume = stack.programs.start("consume-1", **overrides)
    stack.programs.start("count-1")

    code = await consume.ended()

    assert code == 3
    last = consume.said().splitlines()[-1]
    assert "refusal_share" in last
    assert "Traceback" not in consume.said()
    again = stack.programs.start("consume-1")
    await stack.wait_until_settled(420)
    said = await stack.check_exact()
    assert (said.counted, said.refused) == (20, 400)
    assert again.alive
