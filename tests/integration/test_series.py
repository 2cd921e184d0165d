"""A scheme added to running programs: exact from then on, its past filled, through a kill."""

import json
import signal

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
