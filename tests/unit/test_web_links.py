"""Signed links: what GET shows, what POST does once, and what is refused."""

import msgspec
import pytest

from consumers.records.alerts import Minute
from groundswell.action_links import Allowed, address, link_keys
from tests.records_world import ID, M0, T0, move
from tests.web_world import HOSTILE, web_of

ALERT = f"/api/v1/alerts/{ID}"
STORIES = [
    {"title": "A bank fails", "source": "wire", "url": "https://news.test/1?a=1&b=2"},
    {"title": HOSTILE, "source": "blog", "url": "javascript:alert(1)"},
    {"title": "Two", "source": "blog", "url": 'https://news.test/"onload=x'},
]
PERSON = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def web():
    async with web_of() as made:
        await made.fire(evidence=msgspec.json.encode({"stories": STORIES}), ratio=4.0)
        yield made


async def link(web, action, seconds=3600):
    async with web.client("analyst") as client:
        made = await client.post(f"{ALERT}/link", json={"action": action, "seconds": seconds})
    assert made.status_code == 201
    return made.json()["url"]


async def done(web):
    return [line.action for line in await web.records.history(ID)][1:]


@pytest.mark.parametrize("action", ["acknowledge", "snooze"])
async def test_getting_does_nothing_and_posting_does_it_once(web, action):
    url = await link(web, action)
    async with web.client(None) as mail:
        for _ in range(3):
            page = await mail.get(url)
            assert page.status_code == 200
            assert '<form method="post">' in page.text
            assert (await mail.head(url)).status_code == 405
        assert await done(web) == []
        assert (await mail.post(url)).status_code == 200
        again = await mail.post(url)
        assert (again.status_code, again.json()["type"]) == (
            409,
            "urn:groundswell:problem:conflict",
        )
        assert "used before" in again.json()["detail"]
    assert await done(web) == [action]
    (last,) = (await web.records.history(ID))[1:]
    assert (last.actor, last.cause) == ("ana", "by a signed link")


async def test_a_link_that_was_used_does_nothing_when_the_flag_is_gone_again(web):
    url = await link(web, "acknowledge")
    async with web.client(None) as mail:
        await mail.post(url)
        await web.fire(M0 + 1, M0, severity="critical")
        assert (await web.records.alert(ID)).acknowledged is None
        assert (await mail.post(url)).status_code == 409
    assert (await web.records.alert(ID)).acknowledged is None


async def test_a_link_to_open_shows_the_stories_and_does_nothing(web):
    url = await link(web, "open")
    async with web.client(None) as mail:
        page = await mail.get(url)
        assert "<form" not in page.text
        refused = await mail.post(url)
        assert (refused.status_code, "does nothing" in refused.text) == (409, True)
    assert (
        '<a href="https://news.test/1?a=1&amp;b=2" rel="noopener noreferrer nofollow">' in page.text
    )
    assert "javascript:" not in page.text
    assert '"onload' not in page.text
    assert "<script" not in page.text
    assert await done(web) == []


async def test_what_is_tampered_with_expired_or_not_ours_is_refused(web):
    url = await link(web, "acknowledge", 60)
    keys = link_keys("a key of somebody else")
    forged = address("", Allowed("acknowledge", ID, T0 // 1000 + 60, "ana"), keys)
    other = url.replace(ID, f"{'0' * 16}-{M0}")
    wrong = [forged, other, url.replace("acknowledge", "snooze"), url[:-2] + "AA", url + "A"]
    async with web.client(None) as mail:
        for one in wrong:
            for answer in (await mail.get(one), await mail.post(one)):
                assert answer.status_code == 403
                assert answer.json()["instance"] == "/a/…"
        web.hand.at += 60_000
        for answer in (await mail.get(url), await mail.post(url)):
            assert (answer.status_code, "expired" in answer.json()["detail"]) == (403, True)
    assert await done(web) == []


async def test_people_are_answered_with_a_page_where_something_is_refused(web):
    url = await link(web, "snooze")
    async with web.client(None) as browser:
        browser.headers.update(PERSON)
        assert (await browser.post(url)).status_code == 200
        again = await browser.post(url)
        bad = await browser.get(url + "A")
    assert (again.status_code, again.headers["content-type"]) == (409, "text/html; charset=utf-8")
    assert "the link was used before." in again.text
    assert (bad.status_code, "<h1>" in bad.text) == (403, True)


async def test_what_is_over_can_be_looked_at_and_is_not_acted_on(web):
    urls = [await link(web, action) for action in ("acknowledge", "open")]
    lease = await web.records.acquire("watch", 1_000_000)
    over = move("firing", "resolved")
    await web.records.commit_minute(lease, Minute(M0 + 1, M0, moves=(over,)))
    async with web.client(None) as mail:
        pages = [await mail.get(url) for url in urls]
        assert all(page.status_code == 200 and "<form" not in page.text for page in pages)
        assert (await mail.post(urls[0])).status_code == 409
    assert await done(web) == ["move"]
