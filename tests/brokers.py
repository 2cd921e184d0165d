"""
The servers that tests run against: Tansu, Apache Kafka, Valkey, and a Valkey cluster of three nodes.

Rules: loopback and free ports; each in a directory of its own; stopped when its block ends. Apache
Kafka is somebody else's (KAFKA_BOOTSTRAP_SERVERS), an installation (KAFKA_HOME), or what `make kafka`
fetched into .kafka/.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from consumers.adapters.embedded import (
    TANSU_ENVIRONMENT,
    free_port,
    serving,
    store_binary,
    tansu_command,
)
from consumers.adapters.kafka_admin import KafkaAdmin
from groundswell.errors import Transient
from groundswell.settings import Settings

FETCHED = Path(__file__).parents[1] / ".kafka"
HOW_TO_GET_KAFKA = "Apache Kafka is not there: `make kafka` fetches it (needs Maven and Java 17+)"

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""


class Broker(NamedTuple):
    """A running broker; ``kind`` is "tansu" or "kafka"."""

    kind: str
    bootstrap: str


@contextmanager
def tansu_broker(folder: Path) -> Iterator[Broker]:
    """Run Tansu."""
    port = free_port()
    with serving(tansu_command(port), port, folder, environment=TANSU_ENVIRONMENT):
        yield Broker("tansu", f"127.0.0.1:{port}")


def kafka_jars() -> Path | None:
    """Return the directory of Apache Kafka's jars, None if there is none or no Java."""
    home = os.environ.get("KAFKA_HOME")
    libs = (Path(home) if home else FETCHED) / "libs"
    found = any(libs.glob("kafka_2.13-*.jar")) and shutil.which("java")
    return libs if found else None


@contextmanager
def kafka_broker(folder: Path) -> Iterator[Broker | None]:
    """Run Apache Kafka in one process, or use the one that the environment names; None without."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    libs = kafka_jars()
    if given or libs is None:
        yield Broker("kafka", given) if given else None
        return
    port, properties = free_port(), folder / "server.properties"
    properties.write_text(_PROPERTIES.format(port=port, controller=free_port(), folder=folder))
    java = ["java", "-Xmx512m", "-cp", f"{libs}/*"]
    format_it = [*java, "kafka.tools.StorageTool", "format", "-t", "Z3JvdW5kc3dlbGx0ZXN0cw"]
    subprocess.run([*format_it, "-c", str(properties)], cwd=folder, check=True, capture_output=True)
    command = [*java, "kafka.Kafka", str(properties)]
    with serving(command, port, folder, seconds=60):
        broker = Broker("kafka", f"127.0.0.1:{port}")
        # In a thread of its own, since a loop may be running here.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(_answers(broker))).result()
        yield broker


async def _answers(broker: Broker) -> None:
    """Wait until the broker, whose port opens early, answers."""
    for _ in range(300):
        admin = KafkaAdmin(Settings(kafka_bootstrap_servers=broker.bootstrap))
        try:
            await admin.topic("none")
        except Transient:
            await asyncio.sleep(0.1)
        else:
            return
        finally:
            await admin.stop()
    raise AssertionError(f"{broker} does not answer")


@contextmanager
def valkey_server(folder: Path, *options: str) -> Iterator[int]:
    """Run a store in ``folder``; yields its port. It loads a dump that lies there, and writes none."""
    port = free_port()
    command = [str(store_binary()), "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--dir", str(folder), "--save", "", "--appendonly", "no", *options]
    with serving(command, port, folder):
        yield port


@contextmanager
def valkey_cluster(folder: Path, nodes: int = 3) -> Iterator[list[int]]:
    """Run a cluster whose nodes share the slots evenly; yields their ports."""
    with ExitStack() as stack:
        ports = []
        for number in range(nodes):
            home = folder / str(number)
            home.mkdir(parents=True)
            options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
            ports.append(stack.enter_context(valkey_server(home, *options)))
        clients = [stack.enter_context(Redis(port=port)) for port in ports]
        buses = [client.config_get("cluster-port")["cluster-port"] for client in clients]
        for number, client in enumerate(clients):
            first, last = 16384 * number // nodes, 16384 * (number + 1) // nodes - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for port, bus in zip(ports[1:], buses[1:], strict=True):
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus)
        for client in clients:
            _until_whole(client, nodes)
        yield ports


def _until_whole(client: "Redis", nodes: int) -> None:
    known: dict[str, str] = {}
    for _ in range(600):
        try:
            known = client.execute_command("CLUSTER INFO")
        except RedisError:
            known = {}
        if known.get("cluster_state") == "ok" and int(known["cluster_known_nodes"]) == nodes:
            return
        time.sleep(0.05)
    raise AssertionError(f"the cluster does not form: {known}")
