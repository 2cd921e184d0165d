"""Assign, comment, snooze and If-Match through the API."""

import asyncio

import pytest

from consumers.records.database import open_records
from tests.records_world import ID, M0, fired
from tests.web_world import web_of

ALERT = f"/api/v1/alerts/{ID}"


@pytest.fixture
async def web():
    async with web_of() as made:
        await made.fire(ratio=4.0)
        yield made


async def test_an_alert_is_assigned_commented_and_snoozed_in_the_name_of_the_key(web):
    async with web.client("analyst") as client, web.client("admin") as admin:
        given = {"to": "the rates desk", "comment": "yours"}
        assigned = (await client.post(f"{ALERT}/assign", json=given)).json()["assigned"]
        assert (assigned["to"], assigned["actor"], assigned["comment"]) == (
            "the rates desk",
            "ana",
            "yours",
        )
        said = (await client.post(f"{ALERT}/comment", json={"comment": "they confirm"})).json()
        assert said["commented"]["comment"] == "they confirm"
        snoozed = (await client.post(f"{ALERT}/snooze", json={"comment": "known"})).json()
        assert snoozed["flags"] == ["snoozed"]
        assert snoozed["snoozed"]["worse_at"] == 8.0
        free = await client.post(f"{ALERT}/assign", json={"to": None})
        assert free.json()["assigned"] is None
        history = (await client.get(f"{ALERT}/history")).json()["history"]
        assert [(line["action"], line["cause"], line["actor"]) for line in history[1:]] == [
            ("assign", "yours", "ana"),
            ("comment", "they confirm", "ana"),
            ("snooze", "known", "ana"),
            ("assign", "", "ana"),
        ]
        audit = (await admin.get("/api/v1/audit")).json()["audit"]
    assert [(a["actor"], a["action"], a["target"], a["outcome"]) for a in audit[::-1]] == [
        ("ana", f"{action}_alert", ID, "200")
        for action in ("assign", "comment", "snooze", "assign")
    ]


async def test_what_is_over_is_commented_and_assigned_only(web):
    async with web.client("analyst") as client:
        await client.post(f"{ALERT}/resolve")
        assert (await client.post(f"{ALERT}/comment", json={"comment": "x"})).status_code == 200
        assert (await client.post(f"{ALERT}/assign", json={"to": "bob"})).status_code == 200
        refused = await client.post(f"{ALERT}/snooze")
    assert (refused.status_code, refused.json()["detail"]) == (409, f"{ID} is already resolved")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("assign", {}),
        ("assign", {"to": ""}),
        ("assign", {"to": " \0"}),
        ("assign", {"to": "x" * 101}),
        ("comment", {}),
        ("comment", {"comment": " \n"}),
        ("comment", {"comment": "x" * 2001}),
        ("snooze", {"until": "tomorrow"}),
    ],
)
async def test_what_says_nothing_or_too_much_is_refused(web, path, body):
    async with web.client("analyst") as client:
        refused = await client.post(f"{ALERT}/{path}", json=body)
    assert refused.status_code == 422
    assert len(await web.records.history(ID)) == 1


@pytest.mark.parametrize(
    "deed",
    [
        ("acknowledge", {}),
        ("assign", {"to": "bob"}),
        ("comment", {"comment": "x"}),
        ("snooze", {}),
        ("judge", {"judgement": "hit", "reason": "x"}),
        ("silence", {}),
        ("resolve", {}),
    ],
)
async def test_an_act_over_what_has_changed_meanwhile_is_refused(web, deed):
    path, body = deed
    async with web.client("analyst") as client:
        tag = (await client.get(ALERT)).headers["etag"]
        await client.post(f"{ALERT}/comment", json={"comment": "in between"})
        stale = await client.post(f"{ALERT}/{path}", json=body, headers={"If-Match": tag})
        assert stale.status_code == 412
        tag = (await client.get(ALERT)).headers["etag"]
        for match in (tag, "*"):
            done = await client.post(
                f"{ALERT}/comment", json={"comment": match}, headers={"If-Match": match}
            )
            assert done.status_code == 200


async def test_of_many_who_act_over_the_same_state_at_once_one_does(web, tmp_path):
    records = await open_records(f"sqlite:///{tmp_path}/r.db")
    lease = await records.acquire("watch", 60_000)
    await records.commit_minute(lease, fired())
    web.parts.alerts = records
    async with web.client("analyst") as client:
        headers = {"If-Match": (await client.get(ALERT)).headers["etag"]}
        answers = await asyncio.gather(
            *(
                client.post(f"{ALERT}/comment", json={"comment": f"number {n}"}, headers=headers)
                for n in range(8)
            )
        )
    history = await records.history(ID)
    await records.close()
    assert sorted(a.status_code for a in answers) == [200] + [412] * 7
    assert len(history) == 2


async def test_nothing_is_done_to_an_alert_that_is_not_there(web):
    async with web.client("analyst") as client:
        for path, body in (
            ("assign", {"to": "bob"}),
            ("comment", {"comment": "x"}),
            ("snooze", {}),
        ):
            gone = await client.post(f"/api/v1/alerts/{'0' * 16}-{M0}/{path}", json=body)
            assert gone.status_code == 404
