"""Series, stories, schemes, news and live counts through the API, over counts in memory."""

import asyncio
import csv
import io

import msgspec
import pytest

from consumers.counts.core.fold import fold
from consumers.counts.core.state import PartitionState
from consumers.web.core.series import Cell
from groundswell.settings import Settings
from tests.count_world import T0 as COUNTED
from tests.count_world import L, mark, opinion, records
from tests.web_world import HOSTILE, web_of

V1 = "/api/v1"
ITEM = {"id": "1", "source": "wire", "published_at": "2026-01-01T00:00:00Z", "title": "Rates rise"}


@pytest.fixture
async def web():
    async with web_of() as made:
        counts = made.parts.counts._reader
        rows = [opinion(n, at=COUNTED + n * 1000, title=HOSTILE) for n in range(3)]
        step = fold(
            PartitionState(), records(*rows, mark(COUNTED + 60_000, 2), first=0, partition=0), L
        )
        assert await counts.step(0, None, step) is None
        made.hand.at = COUNTED + 60_000
        yield made


async def test_series_are_listed_by_name_a_page_at_a_time(web):
    async with web.client("viewer") as client:
        names, after = [], None
        while True:
            page = (await client.get(f"{V1}/series", params={"limit": 1, **(after or {})})).json()
            names += [one["name"] for one in page["series"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert names == sorted(names)
        assert "all" in names
        shown = await client.get(f"{V1}/series/all")
        assert shown.json()["name"] == "all"
        assert (await client.get(f"{V1}/series/topic:none")).status_code == 404
        assert (await client.get(f"{V1}/series/topic:none/counts")).status_code == 404


async def test_counts_come_by_minute_hour_and_day_with_the_definition_of_every_number(web):
    async with web.client("viewer") as client:
        for level in ("minute", "hour", "day"):
            found = (await client.get(f"{V1}/series/all/counts", params={"level": level})).json()
            items = [sum(cell["items"].values()) for cell in found["cells"]]
            assert sum(items) == 3
            assert set(found["definitions"]) == set(Cell.__struct_fields__)
        for wrong in ({"since": "2h", "until": "3h"}, {"since": "90d"}, {"level": "week"}):
            refused = await client.get(f"{V1}/series/all/counts", params=wrong)
            assert refused.status_code == 422, wrong


async def test_an_export_holds_the_same_numbers_as_csv_and_json(web):
    async with web.client("viewer") as client:
        text = await client.get(f"{V1}/series/all/export", params={"level": "hour"})
        whole = await client.get(
            f"{V1}/series/all/export", params={"level": "hour", "format": "json"}
        )
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.headers["content-disposition"].startswith("attachment")
    negative = sum(cell["items"]["negative"] for cell in whole.json()["cells"])
    assert sum(int(row["items_negative"]) for row in rows) == negative


async def test_stories_come_as_they_were_crawled_in_json_alone(web):
    async with web.client("viewer") as client:
        found = (await client.get(f"{V1}/series/all/stories", params={"limit": 2})).json()[
            "stories"
        ]
    assert all(story["title"] == HOSTILE[:300] for story in found)


async def push(client, body):
    return await client.post(f"{V1}/news", json=body)


async def test_news_is_taken_once_by_source_and_id(web):
    async with web.client("analyst") as client:
        first = await push(client, ITEM)
        assert (first.status_code, first.json()["accepted"]) == (202, 1)
        body = [ITEM, {**ITEM, "title": "Other"}, {**ITEM, "id": "2"}, {**ITEM, "id": "2"}, {}]
        body.append({**ITEM, "id": "3", "title": " ", "body": ""})
        many = (await push(client, body)).json()
        assert [one["outcome"] for one in many["results"]] == [
            "duplicate",
            "conflict",
            "accepted",
            "duplicate",
            "refused",
            "refused",
        ]
        assert [one.get("reason") for one in many["results"]][4:] == ["bad_field", "no_text"]


async def test_news_is_bounded(web):
    web.parts.settings = web.parts.settings.model_copy(
        update={"serve_news_items": 2, "serve_max_body_bytes": 2000, "max_record_bytes": 1024}
    )
    async with web.client("analyst") as client:
        assert (await push(client, [ITEM] * 3)).status_code == 422
        assert (await push(client, [])).status_code == 422
        assert (await push(client, {**ITEM, "body": "x" * 2000})).status_code == 413
        large = (await push(client, {**ITEM, "body": "x" * 1100})).json()
        assert large["results"][0]["reason"] == "too_large"
        for raw, status in ((b"", 422), (b"{", 400), (b"\xff", 400), (b"[" * 1900, 400)):
            headers = {"Content-Type": "application/json"}
            sent = await client.post(f"{V1}/news", content=raw, headers=headers)
            assert sent.status_code == status, raw[:9]
        form = await client.post(f"{V1}/news", data={"id": "1"})
        assert form.status_code == 415


async def test_the_newest_picture_of_live_counts_replaces_those_before(web):
    live = web.parts.live
    await live.turn()
    frame, number = await live.after(0, 0.01)
    picture = msgspec.json.decode(frame.partition(b"data: ")[2])
    assert "all" in picture["series"]
    await live.turn()
    assert await live.after(number, 0.01) == (None, number)
    stop = asyncio.Event()
    stop.set()
    await live.run(stop)
    assert live.stopped


async def test_streams_are_as_many_as_the_limit_says(web):
    web.parts.settings = Settings(serve_streams=1)
    web.parts.metrics.opened("alerts", 1)
    async with web.client("viewer") as client:
        full = await client.get(f"{V1}/alerts/stream")
    assert (full.status_code, full.headers["retry-after"]) == (503, "10")
