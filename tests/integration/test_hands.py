"""The commands that a person types, against real servers: topics, replay, recount."""

import json

from tests.integration.stack import headlines

MINUTE_MS = 60_000


async def test_topics_creates_what_is_missing_and_agrees_with_it_afterwards(make_stack, quick):
    stack = await make_stack(quick, topics=False)

    missing = await stack.programs.run("topics", "--check")
    created = await stack.programs.run("topics")
    checked = await stack.programs.run("topics", "--check")

    assert (missing.code, created.code, checked.code) == (1, 0, 0), created.err
    assert {stack.news, stack.opinions, stack.dead} <= await quick.topics()


async def test_a_file_replayed_is_counted_in_its_own_time(make_stack, quick, tmp_path):
    stack = await make_stack(quick, clock="records")
    file = tmp_path / "old.jsonl"
    rows = [
        json.loads(item) | {"id": f"r{i}", "published_at": f"2019-03-01T10:{i // 2:02}:00Z"}
        for i, item in enumerate(headlines(60))
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    stack.programs.start("consume-1")
    stack.programs.start("count-1")

    replayed = await stack.programs.run("replay", str(file))

    assert replayed.code == 0, replayed.err
    records = sum((await stack.ends()).values())
    await stack.wait_until_settled(records)
    said = await stack.check_exact()
    assert said.counted == 60
    assert said.kinds["tick"] == records - 60
    last = 1_551_434_400_000 + 29 * MINUTE_MS
    lateness = 120_000
    for state in (await stack.states()).values():
        assert state.mark >= last + MINUTE_MS + lateness, "the last minute is not decided"
        assert state.totals.late == 0


async def test_recount_names_what_differs(stack):
    stack.programs.start("consume-1")
    stack.programs.start("count-1")
    await stack.produce(headlines(30))
    await stack.wait_until_settled(30)
    await stack.recount()
    cells = [key for key in stack.store.ask("KEYS", "*") if stack.store.ask("TYPE", key) == b"hash"]
    stack.programs.close()
    broken = next(key for key in sorted(cells) if key.endswith(b":all"))
    stack.store.ask("DEL", broken.decode())

    done = await stack.programs.run("recount", "--json")

    assert done.code == 1
    answer = json.loads(done.out)
    assert not answer["same"]
    assert any("all" in example for example in answer["examples"])
