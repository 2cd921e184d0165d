"""The outside goes away, programs are killed: they wait, say so, go on; nothing is lost or doubled."""

import asyncio
import json
import shutil
import signal

import pytest

from consumers.adapters import embedded as servers
from groundswell.models.bundle import MANIFEST
from tests.integration.log import Kafka
from tests.integration.programs import freeze, thaw
from tests.integration.stack import TINY, headlines


async def both(stack, **overrides):
    """Start one of each and wait until they are ready."""
    programs = (stack.programs.start("consume-1", **overrides), stack.programs.start("count-1"))
    await stack.programs.ready(*programs)
    return programs


async def not_ready(stack, program, cause):
    """Wait until /readyz says that ``cause`` is waited for."""

    async def says_so():
        answer = await program.get("/readyz")
        return answer.status == 503 and cause in answer.body.lower()

    await stack.programs.until(f"{program.name} says that {cause} is away", says_so)


async def test_killed_at_once_and_started_again_each_loses_and_doubles_nothing(stack):
    consume, count = await both(stack)
    values = headlines(1200)
    await stack.produce(values[:400])
    await stack.wait_until_settled(50)
    consume.signal(signal.SIGKILL)
    await stack.produce(values[400:800])
    stack.programs.start("consume-1")
    await stack.wait_until_settled(500)
    count.signal(signal.SIGKILL)
    await stack.produce(values[800:])
    stack.programs.start("count-1")

    await stack.wait_until_settled(1200)

    assert (await stack.check_exact()).counted == 1200


async def test_asked_to_end_it_drains_and_the_next_one_repeats_nothing(stack):
    consume, count = await both(stack)
    await stack.produce(headlines(600))
    await stack.wait_until_settled(1)

    for program in (consume, count):
        program.signal(signal.SIGTERM)
        assert await program.ended() == 0, program.said()

    assert "Traceback" not in consume.said() + count.said()
    stack.programs.start("consume-1")
    stack.programs.start("count-1")
    await stack.wait_until_settled(600)
    assert (await stack.check_exact()).repeats == 0


async def test_another_bundle_after_a_kill_keeps_counts_exact_and_both_names(stack, tmp_path):
    consume, _ = await both(stack)
    await stack.produce(headlines(300))
    await stack.wait_until_settled(100)
    consume.signal(signal.SIGKILL)
    other = renamed(tmp_path / "other")
    stack.programs.start("consume-1", bundle=other)
    await stack.produce(headlines(300))

    await stack.wait_until_settled(600)

    said = await stack.check_exact()
    assert len(said.bundles) == 2
    assert await stack.bundles() == set(said.bundles)


def renamed(folder):
    """Copy the tiny bundle under another version."""
    shutil.copytree(TINY, folder)
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": "next"}))
    return folder


async def test_redis_away_at_the_start_is_waited_for(stack):
    stack.store.stop()
    consume = stack.programs.start("consume-1")
    count = stack.programs.start("count-1")
    await not_ready(stack, count, "redis")
    await stack.produce(headlines(100))

    stack.store.start()

    await stack.programs.ready(consume, count)
    await stack.wait_until_settled(100)
    await stack.check_exact()


async def test_redis_away_in_flight_is_waited_for(stack):
    _, count = await both(stack)
    await stack.produce(headlines(200))
    await stack.wait_until_settled(50)
    freeze([stack.store.pid])
    try:
        await stack.produce(headlines(200))
        await not_ready(stack, count, "redis")
    finally:
        thaw([stack.store.pid])
    await stack.programs.ready(count)
    await stack.wait_until_settled(400)
    await stack.check_exact()


async def test_redis_emptied_while_counting_and_between_two_runs_fills_again(stack):
    _, count = await both(stack)
    await stack.produce(headlines(300))
    await stack.wait_until_settled(300)
    stack.store.empty()
    stack.store.forget_scripts()
    await stack.produce(headlines(300))
    await stack.wait_until_settled(600)
    await stack.check_exact()
    count.signal(signal.SIGKILL)
    stack.store.empty()
    await stack.produce(headlines(100))

    stack.programs.start("count-1")

    await stack.wait_until_settled(700)
    await stack.check_exact()


async def test_redis_put_back_to_an_older_snapshot_catches_up(stack):
    _, count = await both(stack)
    await stack.produce(headlines(200))
    await stack.wait_until_settled(200)
    older = stack.store.snapshot()
    await stack.produce(headlines(300))
    await stack.wait_until_settled(500)

    stack.store.put_back(older)
    await stack.produce(headlines(50))

    await stack.wait_until_settled(550)
    await stack.check_exact()
    count.signal(signal.SIGTERM)
    assert await count.ended() == 0
    stack.store.put_back(older)
    stack.programs.start("count-1")
    await stack.wait_until_settled(550)
    await stack.check_exact()


async def test_a_broker_that_comes_late_and_stands_still_is_waited_for(make_stack, tmp_path):
    port = servers.free_port()
    stack = await make_stack(Kafka(f"127.0.0.1:{port}"), topics=False)
    programs = [stack.programs.start("consume-1"), stack.programs.start("count-1")]
    for program in programs:
        await not_ready(stack, program, "kafka")
    # A broker without the topics is refused, so they must stand before the programs look again.
    freeze([program.process.pid for program in programs])
    with servers.serving(
        servers.tansu_command(port), port, tmp_path, environment=servers.TANSU_ENVIRONMENT
    ) as server:
        await stack.make_topics()
        thaw([program.process.pid for program in programs])
        await stack.programs.ready(*programs)
        await stack.produce(headlines(300))
        freeze([server.pid])
        try:
            for program in programs:
                await not_ready(stack, program, "kafka")
        finally:
            thaw([server.pid])
        await stack.programs.ready(*programs)
        await stack.produce(headlines(100))
        await stack.wait_until_settled(400)
        await stack.check_exact()
        stack.close()


@pytest.mark.kafka
@pytest.mark.parametrize("running", [False, True], ids=["between two runs", "under a running one"])
async def test_what_retention_deleted_unread_is_named_counted_and_passed(
    make_stack, apache, running
):
    stack = await make_stack(apache)
    consume, _ = await both(stack)
    await stack.produce(headlines(100))
    await stack.wait_until_settled(100)
    if running:
        freeze([consume.process.pid])
        await asyncio.sleep(0.5)  # until the broker has answered its last fetch, with nothing
    else:
        consume.signal(signal.SIGTERM)
        assert await consume.ended() == 0
    await stack.produce(headlines(200))
    await apache.delete_records(stack.news, {0: 90, 1: 70})
    await stack.produce(headlines(100))

    if running:
        thaw([consume.process.pid])
    else:
        consume = stack.programs.start("consume-1")

    await stack.wait_until_settled(400)
    lost = (90 - 50) + (70 - 50)
    said = await stack.check_exact(lost=lost)
    assert said.counted == 400 - lost
    assert (await consume.metrics())["groundswell_consume_lost_total"] == lost
    assert "deleted before they were read" in consume.said()


@pytest.mark.kafka
async def test_what_retention_deleted_of_the_log_is_named_and_counting_goes_on(make_stack, apache):
    stack = await make_stack(apache)
    _, count = await both(stack)
    await stack.produce(headlines(100))
    await stack.wait_until_settled(100)
    count.signal(signal.SIGKILL)
    held = sum(state.position for state in (await stack.states()).values())
    await stack.produce(headlines(60))
    await stack.wait_until_published(160)
    ends = await apache.ends(stack.opinions)
    await apache.delete_records(stack.opinions, ends)
    await stack.produce(headlines(40))

    again = stack.programs.start("count-1")

    async def goes_on():
        return sum(s.totals.counted for s in (await stack.states()).values()) >= 140

    await stack.programs.until("the last 40 are counted", goes_on)
    totals = [state.totals for state in (await stack.states()).values()]
    assert sum(t.counted for t in totals) == 140
    assert sum(t.log_lost for t in totals) == sum(ends.values()) - held
    assert "log_lost" in again.said()
    await stack.recount()


@pytest.mark.kafka
@pytest.mark.parametrize("running", [False, True], ids=["between two runs", "under a running one"])
async def test_a_topic_made_anew_is_named_and_counted_on(make_stack, apache, running):
    stack = await make_stack(apache)
    consume, count = await both(stack)
    await stack.produce(headlines(100))
    await stack.wait_until_settled(100)
    if not running:
        consume.signal(signal.SIGTERM)
        assert await consume.ended() == 0
    await apache.delete(stack.news)

    async def is_gone():
        return stack.news not in await apache.topics()

    await stack.programs.until("the topic is gone", is_gone)
    await stack.make_topics()
    await stack.produce(headlines(160))
    if not running:
        stack.programs.start("consume-1")

    await stack.wait_until_settled(260)

    assert (await stack.verdicts()).counted == 260
    await stack.recount()
    assert "was made anew" in count.said()
    assert sum(state.totals.recreated for state in (await stack.states()).values()) == 2


@pytest.mark.kafka
async def test_two_processes_with_one_static_id_do_not_spin(make_stack, apache):
    stack = await make_stack(apache)
    first, count = await both(stack, kafka_instance_id="one")
    second = stack.programs.start("consume-2", kafka_instance_id="one")
    first.stopping = second.stopping = True

    await stack.programs.until("one of them gives way", lambda: not (first.alive and second.alive))

    loser, winner = (first, second) if not first.alive else (second, first)
    assert loser.process.wait() == 3
    assert "static" in loser.said() or "instance" in loser.said()
    await stack.produce(headlines(100))
    await stack.wait_until_settled(100)
    assert winner.alive
    assert count.alive
    await stack.check_exact()
