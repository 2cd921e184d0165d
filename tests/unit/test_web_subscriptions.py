"""Subscriptions, channels and silences through the API."""

from typing import Any

import pytest

from consumers.web.routes import silences
from tests.records_world import ID, T0
from tests.web_world import HOSTILE, key_for, web_of

V1 = "/api/v1"
HOOK = {"name": "hook", "kind": "webhook", "url": "https://user:hush@a.test/in?token=hush"}


@pytest.fixture
async def web():
    async with web_of() as made:
        made.keys["bob"] = await key_for(made.parts.access, 9, "bob", "analyst")
        yield made


async def channel(client, **more):
    made = await client.post(f"{V1}/channels", json={**HOOK, "url": "https://a.test/in", **more})
    assert made.status_code == 201, made.text
    return made.json()


async def test_a_channels_secret_is_shown_once_and_its_address_never(web):
    async with web.client("analyst") as client:
        made = await client.post(
            f"{V1}/channels", json={**HOOK, "url": "https://a.test/in?token=hush"}
        )
        assert made.json()["secret"].startswith("whsec_")
        listed = await client.get(f"{V1}/channels")
        assert listed.json()["channels"][0]["leads_to"] == "https://a.test/…"
        assert "hush" not in made.text + listed.text
        assert made.json()["secret"] not in listed.text
        again = await client.post(f"{V1}/channels", json={**HOOK, "url": "https://a.test/in"})
        assert again.status_code == 409
        for wrong in ({"url": "ftp://a.test"}, {"kind": "pigeon"}, {"secrets": ["x"]}):
            refused = await client.post(f"{V1}/channels", json={**HOOK, "name": "n", **wrong})
            assert refused.status_code == 422, wrong
            assert "hush" not in refused.text


async def test_a_subscription_lives_from_post_to_delete(web):
    async with web.client("analyst") as client:
        made = (await channel(client))["channel"]["id"]
        wanted = {"name": HOSTILE[:40], "channels": [made], "filters": {"topics": ["rates"]}}
        created = await client.post(f"{V1}/subscriptions", json=wanted)
        assert created.status_code == 201, created.text
        place, tag = created.headers["location"], created.headers["etag"]
        assert (await client.get(place)).headers["etag"] == tag == '"v1"'
        assert (await client.post(f"{V1}/subscriptions", json=wanted)).status_code == 409
        change = {**wanted, "paused": True}
        assert (await client.put(place, json=change)).status_code == 428
        replaced = await client.put(place, json=change, headers={"If-Match": tag})
        assert (replaced.status_code, replaced.headers["etag"]) == (200, '"v2"')
        stale = await client.put(place, json=wanted, headers={"If-Match": tag})
        assert stale.status_code == 412
        assert (await client.delete(f"{V1}/channels/{made}")).status_code == 409
        queued = await client.post(f"{place}/test")
        assert (queued.status_code, queued.json()) == (202, {"queued": 1})
        log = (await client.get(f"{place}/log")).json()["log"]
        assert [line["reason"] for line in log] == ["test"]
        assert (await client.delete(place, headers={"If-Match": '"v2"'})).status_code == 204
        assert (await client.get(place)).status_code == 404
        assert (await client.delete(f"{V1}/channels/{made}")).status_code == 204


async def test_everybody_has_their_own(web):
    async with web.client("analyst") as ann, web.client("bob") as bob, web.client() as admin:
        made = (await channel(ann))["channel"]["id"]
        wanted = {"name": "rates", "channels": [made]}
        place = (await ann.post(f"{V1}/subscriptions", json=wanted)).headers["location"]
        for path in ("", "/preview", "/log"):
            assert (await bob.get(f"{place}{path}")).status_code == 404
        assert (await bob.delete(place, headers={"If-Match": "*"})).status_code == 404
        assert (await bob.delete(f"{V1}/channels/{made}")).status_code == 404
        assert (await bob.get(f"{V1}/subscriptions")).json() == {"subscriptions": []}
        assert (await bob.get(f"{V1}/channels")).json() == {"channels": []}
        stolen = await bob.post(f"{V1}/subscriptions", json=wanted)
        assert stolen.status_code == 422
        other = await bob.post(f"{V1}/subscriptions", json={**wanted, "owner": "ana"})
        assert other.status_code == 403
        assert len((await admin.get(f"{V1}/subscriptions")).json()["subscriptions"]) == 1
        assert (await admin.get(place)).status_code == 200


async def test_everything_that_is_wrong_is_said_at_once(web):
    async with web.client("analyst") as client:
        wrong = {
            "name": "x",
            "channels": ["none"],
            "schedule": {"zone": "Mars/Base", "quiet": [{"start": "25:00", "end": "x"}]},
        }
        refused = await client.post(f"{V1}/subscriptions", json=wrong)
    assert refused.status_code == 422
    assert {fault.split(":")[0] for fault in refused.json()["errors"]} == {
        "schedule.zone",
        "schedule.quiet",
    }


async def test_a_preview_says_what_would_have_been_sent(web):
    async with web.client("analyst") as client:
        made = (await channel(client))["channel"]["id"]
        wanted = {"name": "all", "channels": [made], "grouping": {"group_wait": 0}}
        place = (await client.post(f"{V1}/subscriptions", json=wanted)).headers["location"]
        await web.fire()
        web.hand.at += 120_000
        found = (await client.get(f"{place}/preview")).json()
    assert [message["reason"] for message in found["messages"]] == ["first_notification"]


async def test_silences_are_made_listed_and_ended(web):
    async with web.client("analyst") as client:
        matchers = [{"label": "kind", "values": ["surge"]}]
        wanted = {"matchers": matchers, "end": "2023-11-15T00:00:00Z", "comment": "works"}
        made = await client.post(f"{V1}/silences", json=wanted)
        assert (made.status_code, made.json()["author"]) == (201, "ana")
        changes: tuple[dict[str, Any], ...] = (
            {"end": "2023-11-14T00:00:00Z"},
            {"end": "2025-01-01"},
            {"matchers": []},
        )
        for wrong in changes:
            refused = await client.post(f"{V1}/silences", json={**wanted, **wrong})
            assert refused.status_code == 422, wrong
        assert len((await client.get(f"{V1}/silences")).json()["silences"]) == 1
        place = f"{V1}/silences/{made.json()['id']}"
        assert (await client.delete(place)).status_code == 204
        web.hand.at = T0 + 1
        assert (await client.get(f"{V1}/silences")).json() == {"silences": []}
        assert (await client.delete(place)).status_code == 404


async def test_a_silence_can_be_tried_before_it_is_made(web):
    await web.fire()
    await web.parts.alerts.act(ID, "acknowledge", "ann", "mine")
    rates = {"matchers": [{"label": "topic", "values": ["rates"]}], "end": "2023-11-15"}
    banks = {"matchers": [{"label": "topic", "values": ["banks"]}], "end": "2023-11-15"}
    async with web.client("viewer") as client:
        found = (await client.post(f"{V1}/previews/silence", json=rates)).json()
        assert [(a["alert"], a["severity"], a["state"]) for a in found["open"]] == [
            (ID, "warning", "firing")
        ]
        assert [(t["action"], t["after"]) for t in found["transitions"]] == [
            ("acknowledge", "firing"),
            ("move", "firing"),
        ]
        assert (found["open_total"], found["transitions_total"], found["transitions_seen"]) == (
            1,
            2,
            2,
        )
        assert (await client.post(f"{V1}/previews/silence", json=banks)).json() == {
            "open": [],
            "open_total": 0,
            "transitions": [],
            "transitions_total": 0,
            "transitions_seen": 2,
        }
        refused = await client.post(f"{V1}/previews/silence", json={**rates, "end": "2020-01-01"})
        assert (refused.status_code, "future" in refused.text) == (422, True)
        assert (await client.get(f"{V1}/silences")).json() == {"silences": []}
        web.hand.at += 8 * 86_400_000
        later = {**rates, "end": "2023-11-23"}
        found = (await client.post(f"{V1}/previews/silence", json=later)).json()
        assert [a["alert"] for a in found["open"]] == [ID], "it goes on, though it is older"
        assert (found["transitions"], found["transitions_seen"]) == ([], 0)


async def test_a_preview_is_bounded_and_says_of_how_many(web, monkeypatch):
    monkeypatch.setattr(silences, "MOST", 1)
    await web.fire()
    await web.parts.alerts.act(ID, "acknowledge", "ann", "mine")
    rates = {"matchers": [{"label": "topic", "values": ["rates"]}], "end": "2023-11-15"}
    async with web.client("viewer") as client:
        found = (await client.post(f"{V1}/previews/silence", json=rates)).json()
    assert [t["action"] for t in found["transitions"]] == ["acknowledge"], "the newest"
    assert (found["open_total"], found["transitions_total"]) == (1, 2)
