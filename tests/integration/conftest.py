"""
The brokers, the store and the stack of the integration tests.

Rule: `quick` is Apache Kafka where it is at hand, since joining takes no time there, else the embedded
broker; `apache` is Apache Kafka or a skip; `embedded` is the embedded one.
"""

import os

import psutil
import pytest

pytest.register_assert_rewrite("tests.integration.stack")

from tests.brokers import kafka_jars  # noqa: E402 - asserts of the stack are to explain themselves
from tests.integration.log import Kafka  # noqa: E402
from tests.integration.stack import Stack  # noqa: E402
from tests.integration.store import Store  # noqa: E402

EXTERNAL = "KAFKA_BOOTSTRAP_SERVERS"


@pytest.fixture
def apache(kafka):
    return Kafka(kafka.bootstrap)


@pytest.fixture
def embedded(tansu):
    return Kafka(tansu.bootstrap)


@pytest.fixture
def quick(request):
    here = os.environ.get(EXTERNAL) or kafka_jars()
    return request.getfixturevalue("apache" if here else "embedded")


@pytest.fixture
def broker_pid(quick):
    """The process of the broker; None if it is not ours to freeze."""
    if os.environ.get(EXTERNAL):
        return None
    port = int(quick.bootstrap.rpartition(":")[2])
    listening = {
        c.pid
        for c in psutil.net_connections("tcp")
        if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN
    }
    owners = {pid for pid in listening if pid and pid != os.getpid()}
    return owners.pop()


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.start()
    yield store
    store.stop()


@pytest.fixture
def make_stack(tmp_path, store):
    made: list[Stack] = []

    async def make(kafka, *, topics=True, **settings):
        folder = tmp_path / f"stack-{len(made)}"
        folder.mkdir()
        stack = Stack(kafka, store, folder, **settings)
        made.append(stack)
        if topics:
            await stack.make_topics()
        return stack

    yield make
    for stack in made:
        stack.close()


@pytest.fixture
async def stack(make_stack, quick):
    return await make_stack(quick)
