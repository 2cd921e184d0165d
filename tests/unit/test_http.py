import asyncio
import contextlib
import json

import pytest
from prometheus_client import CollectorRegistry, Counter

from consumers.adapters import http
from consumers.adapters.http import Health, serving
from groundswell.errors import CannotStart


async def ask(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode(), body


def get(path, method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.fixture
async def served():
    registry, health = CollectorRegistry(), Health()
    Counter("things", "Things.", registry=registry).inc(3)
    async with serving("127.0.0.1", 0, health, registry) as port:
        yield port, health


async def test_metrics_are_served(served):
    head, body = await ask(served[0], get("/metrics?x=1"))

    assert head.startswith("HTTP/1.1 200 OK")
    assert b"things_total 3.0" in body
    assert f"Content-Length: {len(body)}" in head


async def test_it_is_alive_as_long_as_it_answers(served):
    head, body = await ask(served[0], get("/healthz"))

    assert head.startswith("HTTP/1.1 200")
    assert json.loads(body) == {"alive": True}


async def test_it_is_ready_when_it_waits_for_nothing(served):
    port, health = served
    health.waiting("redis", "Redis at h:1 is away")
    health.working("kafka")
    head, body = await ask(port, get("/readyz"))
    assert head.startswith("HTTP/1.1 503 Service Unavailable")
    assert json.loads(body) == {
        "ready": False,
        "parts": {"redis": "Redis at h:1 is away", "kafka": "ok"},
    }

    health.working("redis")
    head, body = await ask(port, get("/readyz"))
    assert head.startswith("HTTP/1.1 200")
    assert json.loads(body)["ready"] is True


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("/"), "404 Not Found"),
        (get("/metrics", "POST"), "405 Method Not Allowed"),
        (b"\r\n\r\n", "405"),
        (b"\xff\xfe\r\n\r\n", "405"),
    ],
)
async def test_other_requests_are_told_what_there_is(served, request_, status):
    head, _ = await ask(served[0], request_)

    assert head.startswith(f"HTTP/1.1 {status}")


async def test_a_client_that_floods_or_goes_away_disturbs_nobody(served):
    port, _ = served
    with contextlib.suppress(ConnectionError):
        assert await ask(port, b"x" * 200_000 + b"\r\n\r\n") == ("", b"")
    assert (await ask(port, get("/healthz") + b"more"))[1] == b'{"alive": true}\n'
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /hea")
    writer.close()
    many = b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n"
    assert "404" in (await ask(port, many))[0]


async def test_a_client_that_says_nothing_is_dropped(served, monkeypatch):
    monkeypatch.setattr(http, "_SECONDS", 0.01)

    assert await ask(served[0], b"") == ("", b"")


async def test_a_port_that_is_taken_is_named(served):
    with pytest.raises(CannotStart, match=f"http_port.*:{served[0]}"):
        async with serving("127.0.0.1", served[0], Health(), CollectorRegistry()):
            pass
