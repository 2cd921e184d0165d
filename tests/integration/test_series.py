"""A scheme added to running programs: exact from then on, its past filled, through a kill."""

import json
import signal

import httpx
import pytest

from consumers.adapters.embedded import free_port
from tests.integration.stack import headlines


async def shown(stack, name):
    done = await stack.programs.run("series", "show", name, "--json")
    return json.loads(done.out) if done.code == 0 else None


async def test_a_scheme_is_counted_from_the_beginning_of_the_log(make_stack, quick, tmp_path):
    stack = await make_stack(quick, records_url=f"sqlite:///{tmp_path}/records.db", redis_shards=2)
    stack.programs.start("consume-1")
    count = stack.programs.start("count-1")
    await stack.produce(headlines(60))
    await stack.wait_until_settled(60)

    done = await stack.programs.run(
        "series", "add-scheme", "fraud", "--must", "FRAUD", "--any", "crash", "--any", "probe"
    )
    assert (done.code, "counts from now on" in done.out) == (0, True), done.err
    await stack.produce(headlines(30), first=60)
    count.signal(signal.SIGKILL)
    await count.ended()
    stack.programs.start("count-2")
    await stack.wait_until_settled(90)

    async def is_whole():
        form = await shown(stack, "fraud")
        return form is not None and form["past"] == "whole"

    await stack.programs.until("the past of the scheme is filled", is_whole)
    form = await shown(stack, "fraud")
    assert (form["items"], len(form["lines"])) == (30, 10)
    report = await stack.recount()
    assert report["same"]

    done = await stack.programs.run("series", "drop", "fraud")
    assert done.code == 0
    assert await shown(stack, "fraud") is None
    await stack.recount()


@pytest.mark.timeout(240)
async def test_a_scheme_that_comes_over_the_api_is_counted_like_one_of_the_command(
    make_stack, quick, tmp_path
):
    port = free_port()
    stack = await make_stack(
        quick,
        records_url=f"sqlite:///{tmp_path}/records.db",
        secrets_key_file=tmp_path / "key",
        serve_port=port,
    )
    key = (await stack.programs.run("keys", "create", "ann", "--role", "analyst")).out.strip()
    stack.programs.start("consume-1")
    stack.programs.start("count-1")
    await stack.programs.ready(stack.programs.start("serve-1"))
    await stack.produce(headlines(30))
    await stack.wait_until_settled(30)

    headers = {"Authorization": f"Bearer {key}"}
    url = f"http://127.0.0.1:{port}/api/v1/"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:

        async def items(series):
            counts = await client.get(f"series/scheme:{series}/counts?level=day")
            cells = counts.json()["cells"] if counts.status_code == 200 else ()
            kinds = ("items", "late_items")
            return sum(sum(cell[kind].values()) for cell in cells for kind in kinds)

        words = {"must": ["FRAUD"], "any": ["crash", "probe"]}
        made = await client.post("schemes", json={"name": "over the API", **words})
        assert (made.status_code, made.json()["series"]) == (201, "scheme:over-the-api"), made.text

        async def is_filled():
            return await items("over-the-api") == 10

        await stack.programs.until("count follows it, and has filled its past", is_filled)
        typed = await stack.programs.run(
            "series", "add-scheme", "typed", "--must", "FRAUD", "--any", "crash", "--any", "probe"
        )
        assert typed.code == 0, typed.err
        await stack.produce(headlines(30), first=30)

        async def is_equal():
            return [await items(name) for name in ("over-the-api", "typed")] == [20, 20]

        await stack.programs.until("both count the same", is_equal)
        assert (await client.delete("schemes/over-the-api")).status_code == 204

        async def is_gone():
            return (await client.get("series/scheme:over-the-api")).status_code == 404

        await stack.programs.until("its counts are removed", is_gone)
        assert await items("typed") == 20
