"""`groundswell serve`, the program: keys, streams through kills, slow clients, what its log says."""

import asyncio
import random
import socket
import time

import httpx
import pytest
import sqlalchemy as sa

from consumers.records.database import open_records
from consumers.records.engine import engine_of
from consumers.records.tail import DatabaseTail
from tests.records_world import ID
from tests.serving import Serving, act, fire
from tests.sse_clients import Client, faults

CLIENTS = 25
EVENTS = 60


@pytest.fixture
def serving(tmp_path):
    made = Serving(tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.kill()


async def test_reconnecting_clients_miss_nothing_and_hear_nothing_twice_also_through_a_kill(
    serving,
):
    key = serving.key()
    serving.start()
    records = await open_records(serving.url)
    await fire(records)
    chance = random.Random(7)
    clients = [Client(serving.port, key, random.Random(n), 0.05) for n in range(CLIENTS)]
    written, final = asyncio.Event(), list[int]()
    following = [asyncio.create_task(client.run(written, final)) for client in clients]
    async with asyncio.timeout(60):
        while not all(client.began is not None for client in clients):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        for number in range(EVENTS):
            await act(records, number)
            if number == EVENTS // 2:
                serving.kill()
                await asyncio.to_thread(serving.start)
            await asyncio.sleep(chance.uniform(0, 0.01))
        engine = engine_of(serving.url)
        tail = DatabaseTail(engine)
        numbers = [h.transition.number for h in (await tail.after(0, 10_000)).lines]
        final.append(numbers[-1])
        written.set()
        await asyncio.gather(*following)
    engine.dispose()
    await records.close()

    assert [fault for client in clients for fault in faults(client, numbers)] == []
    assert sum(client.connects for client in clients) > CLIENTS
    assert serving.stop() == 0


async def test_a_client_that_takes_nothing_is_cut_off(serving):
    serving.more = {"serve_slow_seconds": "0.5", "serve_poll_ms": "20"}
    key = serving.key("viewer")
    serving.start()
    records = await open_records(serving.url)
    await fire(records)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", serving.port))
        slow.sendall(
            f"GET /api/v1/alerts/stream?after=0 HTTP/1.1\r\nHost: a\r\n"
            f"Authorization: Bearer {key}\r\n\r\n".encode()
        )
        deadline, number = time.monotonic() + 60, 0
        while not serving.lines("a slow stream is cut off"):
            assert time.monotonic() < deadline
            number += 1
            await records.act(ID, "acknowledge", "ann", f"{number} " + "x" * 1900)
    await records.close()
    assert serving.stop() == 0


def test_keys_are_made_listed_and_revoked_and_their_secrets_stand_nowhere(serving):
    key = serving.key("analyst")
    serving.start()
    base = f"http://127.0.0.1:{serving.port}/api/v1"
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"{base}/alerts", headers=headers).status_code == 200
    assert httpx.get(f"{base}/alerts?key={key}").status_code == 401
    assert httpx.get(f"{base}/{key}").status_code == 404
    assert httpx.get(f"{base}/series", headers=headers).status_code == 503
    listed = serving.call("keys", "list")
    assert "ann  analyst  all  good" in listed.stdout
    assert serving.call("keys", "revoke", key[4:12]).returncode == 0
    assert httpx.get(f"{base}/alerts", headers=headers).status_code == 401
    assert serving.call("keys", "revoke", "00000000").returncode == 1
    assert serving.stop() == 0

    everything = serving.log.read_text() + listed.stdout
    database = b"".join(p.read_bytes() for p in serving.folder.glob("records.db*"))
    assert key not in everything
    assert key.rpartition("_")[2] not in everything
    assert key.rpartition("_")[2].encode() not in database


def test_health_and_metrics_stand_apart(serving):
    serving.key()
    serving.start()
    own = serving.lines("listening")[-1]["port"]
    assert httpx.get(f"http://127.0.0.1:{own}/readyz").json()["ready"]
    assert "groundswell_serve_requests" in httpx.get(f"http://127.0.0.1:{own}/metrics").text
    assert httpx.get(f"http://127.0.0.1:{serving.port}/metrics").status_code == 404
    assert serving.stop() == 0


def test_a_table_that_is_gone_ends_the_program_with_a_sentence(serving):
    serving.key()
    serving.start()
    engine = engine_of(serving.url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE outbox"))
        connection.execute(sa.text("DROP TABLE history"))
    engine.dispose()
    assert serving.process
    assert serving.process.wait(30) == 3
    said = serving.log.read_text()
    assert "groundswell records check" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_named(serving):
    serving.key()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", serving.port))
        refused = serving.call("serve")
    assert refused.returncode == 2
    assert f"serve_host, serve_port: cannot listen on 127.0.0.1:{serving.port}" in refused.stderr
    assert "Traceback" not in refused.stderr
