"""A client whose start is cut off leaves nothing open, whatever it was doing."""

import asyncio
import contextlib
import gc

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from consumers.adapters.kafka_moves import KafkaAnnouncer, KafkaMoves
from consumers.adapters.kafka_started import started
from groundswell.errors import Transient
from groundswell.models.registry import Move
from groundswell.settings import Settings

FIRST = (0, 1)
"""At its start a client asks two questions of the address that it was given: the version, and the brokers."""
MOVE = Move(
    alias="champion",
    generation=1,
    version=None,
    before=None,
    at="2026-01-01T00:00:00Z",
    by="a test",
    reason="",
    forced=False,
    nonce="1",
)


class Stalling:
    """A way to the broker that hands on so many questions of each client, and then holds."""

    def __init__(self, bootstrap, questions):
        self.host, _, port = bootstrap.rpartition(":")
        self.port = int(port)
        self.questions = questions
        self.holding = asyncio.Event()
        self.go = asyncio.Event()
        self.open = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.bootstrap = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.go.set()
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, reader, writer):
        up_reader, up_writer = await asyncio.open_connection(self.host, self.port)
        self.open += 1
        back = asyncio.ensure_future(self.back(up_reader, writer))
        try:
            asked = 0
            while size := await reader.read(4):
                if asked == self.questions:
                    self.holding.set()
                    await self.go.wait()
                asked += 1
                rest = await reader.readexactly(int.from_bytes(size, "big"))
                up_writer.write(size + rest)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for side in (up_writer, writer):
                side.close()
                with contextlib.suppress(OSError):
                    await side.wait_closed()
            self.open -= 1

    async def back(self, reader, writer):
        while data := await reader.read(65536):
            writer.write(data)

    async def closed(self):
        """Let everything through, and wait until whoever came has gone."""
        self.go.set()
        async with asyncio.timeout(60):
            while self.open:  # noqa: ASYNC110 - counted by the server's tasks
                await asyncio.sleep(0.01)


async def cut_off(way, doing):
    """Cancel a task at the question that is held; the broker answers while it is waited for."""
    task = asyncio.ensure_future(doing)
    async with asyncio.timeout(60):
        await way.holding.wait()
    task.cancel()
    asyncio.get_running_loop().call_later(0.2, way.go.set)
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("questions", FIRST)
@pytest.mark.parametrize("client", [AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaAdminClient])
async def test_a_start_that_is_cut_off_leaves_no_connection(quick, client, questions):
    async with Stalling(quick.bootstrap, questions) as way:
        await cut_off(way, started(client(bootstrap_servers=way.bootstrap)))
        gc.collect()
        await way.closed()


@pytest.mark.parametrize("questions", FIRST)
async def test_whoever_stops_to_listen_for_moves_leaves_no_connection(quick, questions):
    async with Stalling(quick.bootstrap, questions) as way:
        moves = KafkaMoves(Settings(kafka_bootstrap_servers=way.bootstrap, models_topic="nobody"))
        await cut_off(way, moves.heard())
        await moves.stop()
        gc.collect()
        await way.closed()


@pytest.mark.parametrize("questions", FIRST)
async def test_a_move_that_no_broker_takes_in_time_is_transient_and_leaves_no_connection(
    quick, questions, monkeypatch
):
    monkeypatch.setattr("consumers.adapters.kafka_moves.TELL_SECONDS", 0.5)
    async with Stalling(quick.bootstrap, questions) as way:
        settings = Settings(kafka_bootstrap_servers=way.bootstrap, models_topic="stalled-models")
        told = asyncio.to_thread(KafkaAnnouncer(settings).announce, MOVE)
        asyncio.get_running_loop().call_later(1.0, way.go.set)
        with pytest.raises(Transient, match="stalled-models"):
            await told
        gc.collect()
        await way.closed()
