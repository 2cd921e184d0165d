"""The API does what its OpenAPI document says, whatever is sent: schemathesis, for some seconds."""

import asyncio
import threading
from typing import Self

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from consumers.web.build import bare
from consumers.web.core.access import NEEDS
from consumers.web.server import answering
from tests.web_world import SETTINGS, web_of

EXAMPLES = 5
"""Requests of each operation: some seconds in all."""
ENDLESS = ("stream_alerts", "live_counts")
schema = schemathesis.openapi.from_dict(bare().openapi()).exclude(operation_id=list(ENDLESS))


class Server:
    """The API in a thread of its own, on a real socket."""

    def __init__(self) -> None:
        self.url = self.key = ""
        self._ready = threading.Event()
        self._ended: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with web_of(SETTINGS) as web, answering(web.app, "127.0.0.1", 0) as port:
            await web.fire()
            self.url, self.key = f"http://127.0.0.1:{port}", web.keys["admin"]
            self._ready.set()
            await self._ended.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop
        assert self._ended
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(20)


@pytest.fixture(scope="module")
def server():
    with Server() as started:
        yield started


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_does_what_its_document_says(case, server):
    # What no schema can say (a cursor, a time, a channel that is there) may still be refused: 422.
    left_out = [positive_data_acceptance]
    if case.operation.label == "POST /api/v1/news":
        left_out.append(negative_data_rejection)  # each item is refused by itself, in the answer
    case.call_and_validate(
        base_url=server.url,
        headers={"Authorization": f"Bearer {server.key}"},
        excluded_checks=left_out,
    )


def test_the_document_names_every_operation_and_its_scope():
    told = {
        operation["operationId"]: operation.get("x-scope")
        for path in bare().openapi()["paths"].values()
        for operation in path.values()
    }
    assert {name: scope for name, scope in told.items() if scope} == NEEDS
