"""Alerts through the API: pages, tags, acts, judgements, links, the audit log, limits."""

import msgspec
import pytest

from consumers.web.core.pages import cursor
from consumers.web.edge import SECURITY
from groundswell.settings import Settings
from tests.records_world import ID, M0, T0
from tests.web_world import HOSTILE, web_of

ALERTS = "/api/v1/alerts"
EVIDENCE = msgspec.json.encode({"stories": [{"title": HOSTILE, "source": HOSTILE}]})


@pytest.fixture
async def web():
    async with web_of() as made:
        await made.fire(evidence=EVIDENCE)
        yield made


async def test_alerts_are_listed_filtered_and_paged(web):
    async with web.client("viewer") as client:
        page = (await client.get(ALERTS)).json()
        assert [one["id"] for one in page["alerts"]] == [ID]
        assert page["next"] is None
        for query, found in (
            ({"state": "firing"}, 1),
            ({"state": ["resolved", "recovering"]}, 0),
            ({"series": "topic:rates", "severity": "warning", "kind": "surge"}, 1),
            ({"since": "2023-11-14T22:14"}, 0),
            ({"until": "2023-11-14T22:14"}, 1),
            ({"since": "2h"}, 1),
            ({"judged": "true"}, 0),
            ({"acknowledged": "false"}, 1),
            ({"assigned": "bob"}, 0),
        ):
            got = await client.get(ALERTS, params=query)
            assert len(got.json()["alerts"]) == found, query
        for wrong in (
            {"state": "x"},
            {"since": "soon"},
            {"after": cursor("audit", "1")},
            {"limit": 0},
        ):
            refused = await client.get(ALERTS, params=wrong)
            assert (refused.status_code, refused.json()["status"]) == (422, 422), wrong


async def test_who_has_an_answer_already_is_told_so(web):
    async with web.client("viewer") as client:
        first = await client.get(f"{ALERTS}/{ID}")
        again = await client.get(f"{ALERTS}/{ID}", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]


async def test_an_act_is_done_once_told_in_the_history_and_audited(web):
    async with web.client("analyst") as client, web.client("admin") as admin:
        tag = (await client.get(f"{ALERTS}/{ID}")).headers["etag"]
        done = await client.post(
            f"{ALERTS}/{ID}/acknowledge", json={"comment": "mine"}, headers={"If-Match": tag}
        )
        assert done.json()["flags"] == ["acknowledged"]
        stale = await client.post(f"{ALERTS}/{ID}/resolve", headers={"If-Match": tag})
        assert stale.status_code == 412
        assert (await client.post(f"{ALERTS}/{ID}/resolve")).json()["state"] == "resolved"
        assert (await client.post(f"{ALERTS}/{ID}/acknowledge")).status_code == 409
        history = (await client.get(f"{ALERTS}/{ID}/history")).json()["history"]
        assert [(line["action"], line["actor"]) for line in history] == [
            ("move", "watch"),
            ("acknowledge", "ana"),
            ("resolve", "ana"),
        ]
        audit = (await admin.get("/api/v1/audit", params={"limit": 3})).json()
        assert [(a["actor"], a["action"], a["target"], a["outcome"]) for a in audit["audit"]] == [
            ("ana", "acknowledge_alert", ID, "409"),
            ("ana", "resolve_alert", ID, "200"),
            ("ana", "resolve_alert", ID, "412"),
        ]
        rest = await admin.get("/api/v1/audit", params={"after": audit["next"]})
        assert [a["outcome"] for a in rest.json()["audit"]] == ["200"]


async def test_what_was_refused_is_audited_too_but_not_what_nobody_sent(web):
    async with web.client("viewer") as viewer, web.client(None) as nobody, web.client() as admin:
        assert (await viewer.post(f"{ALERTS}/{ID}/resolve")).status_code == 403
        assert (await nobody.post(f"{ALERTS}/{ID}/resolve")).status_code == 401
        lines = (await admin.get("/api/v1/audit")).json()["audit"]
    assert [(line["actor"], line["outcome"]) for line in lines] == [("vie", "403")]


async def test_a_silence_ends_in_the_future_and_within_30_days(web):
    async with web.client("analyst") as client:
        for until, status in (
            ("2023-11-15T00:00:00Z", 200),
            ("2023-11-14T00:00:00Z", 422),
            ("2024-11-14T00:00:00Z", 422),
            ("tomorrow", 422),
        ):
            done = await client.post(f"{ALERTS}/{ID}/silence", json={"until": until})
            assert done.status_code == status, until


async def test_a_judgement_and_feedback_count_at_once(web):
    async with web.client("analyst") as client:
        said = {"judgement": "miss", "reason": "a test"}
        judged = (await client.post(f"{ALERTS}/{ID}/judge", json=said)).json()
        assert judged["verdict"]["actor"] == "ana"
        given = {"about": "alert", "target": ID, "field": "alarm", "label": "right"}
        assert (await client.post("/api/v1/feedback", json=given)).status_code == 201
        assert (await client.get(f"{ALERTS}/{ID}")).json()["verdict"]["judgement"] == "hit"
        item = {"about": "item", "target": "w/1", "field": "sentiment", "label": "negative"}
        assert (await client.post("/api/v1/feedback", json=item)).status_code == 201
        page = (await client.get("/api/v1/feedback", params={"limit": 1})).json()
        assert [f["label"] for f in page["feedback"]] == ["right"]
        rest = (await client.get("/api/v1/feedback", params={"after": page["next"]})).json()
        assert [f["label"] for f in rest["feedback"]] == ["negative"]
        for change in ({"field": "topic"}, {"label": "maybe"}, {"about": "item"}, {"more": 1}):
            wrong = await client.post("/api/v1/feedback", json={**given, **change})
            assert wrong.status_code == 422, change
        gone = await client.post("/api/v1/feedback", json={**given, "target": "none"})
        assert gone.status_code == 404


async def test_a_link_shows_by_get_acts_by_post_and_escapes_what_was_crawled(web):
    async with web.client("analyst") as client, web.client(None) as mail:
        url = (await client.post(f"{ALERTS}/{ID}/link", json={"seconds": 60})).json()["url"]
        for _ in range(2):
            page = await mail.get(url)
            assert page.status_code == 200
            assert "<script" not in page.text
            assert "&lt;script&gt;" in page.text
            assert "\x1b" not in page.text
            assert '<form method="post">' in page.text
        assert (await client.get(f"{ALERTS}/{ID}")).json()["acknowledged"] is None
        assert (await mail.post(url)).status_code == 200
        assert (await client.get(f"{ALERTS}/{ID}")).json()["acknowledged"]["actor"] == "ana"
        assert (await mail.post(url[:-1] + "_")).status_code == 403
        web.hand.at += 61_000
        late = await mail.get(url)
        assert (late.status_code, late.json()["instance"]) == (403, "/a/…")
        lines = await web.parts.access.audited()
    assert [(line.actor, line.action, line.outcome) for _, line in lines] == [
        ("ana", "follow_link", "200"),
        ("ana", "link_alert", "201"),
    ]


async def test_hostile_texts_leave_as_json_that_no_browser_runs(web):
    async with web.client("viewer") as client:
        answer = await client.get(f"{ALERTS}/{ID}/evidence")
    assert answer.json()["evidence"]["stories"][0]["title"] == HOSTILE
    assert answer.headers["content-type"] == "application/json"
    for name, value in SECURITY:
        assert answer.headers[name.decode()] == value.decode()


async def test_over_the_limit_one_waits_and_others_do_not():
    settings = Settings(serve_burst=2, serve_requests_a_minute=60)
    async with web_of(settings) as web, web.client("viewer") as one, web.client() as other:
        answers = [await one.get(ALERTS) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert [a.headers["ratelimit-remaining"] for a in answers] == ["1", "0", "0"]
        assert answers[2].headers["retry-after"] == "2"
        assert (await other.get(ALERTS)).status_code == 200
        web.hand.at = T0 + 1001
        assert (await one.get(ALERTS)).status_code == 200


async def test_pages_of_other_origins_get_nothing_unless_they_are_named():
    origin = {"Origin": "https://desk.test", "Access-Control-Request-Method": "GET"}
    async with web_of() as web, web.client() as client:
        closed = await client.options(ALERTS, headers=origin)
        assert "access-control-allow-origin" not in closed.headers
        read = await client.get(ALERTS, headers=origin)
        assert "access-control-allow-origin" not in read.headers
    async with (
        web_of(Settings(serve_origins=("https://desk.test",))) as web,
        web.client() as client,
    ):
        opened = await client.options(ALERTS, headers=origin)
        assert opened.headers["access-control-allow-origin"] == "https://desk.test"
        evil = await client.options(ALERTS, headers={**origin, "Origin": "https://evil.test"})
        assert "access-control-allow-origin" not in evil.headers


async def test_an_error_that_nobody_foresaw_tells_nothing(web):
    def broken(*_):
        raise ZeroDivisionError("secret detail")

    web.parts.alerts.alerts = broken
    async with web.client() as client:
        answer = await client.get(ALERTS)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text


async def test_unknown_alerts_are_not_there(web):
    other = f"{'0' * 16}-{M0}"
    async with web.client() as client:
        for path in ("", "/evidence", "/history"):
            assert (await client.get(f"{ALERTS}/{other}{path}")).status_code == 404
        for verb in ("acknowledge", "silence", "resolve", "link"):
            assert (await client.post(f"{ALERTS}/{other}/{verb}")).status_code == 404
