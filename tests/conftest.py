"""Fixtures for all: Hypothesis's profiles, and servers that live as long as the session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.brokers import (
    HOW_TO_GET_KAFKA,
    Broker,
    kafka_broker,
    tansu_broker,
    valkey_cluster,
    valkey_server,
)
from tests.postgres import HOW_TO_GET_POSTGRES, postgres_server
from tests.records_world import World

settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Tansu broker."""
    with tansu_broker(tmp_path_factory.mktemp("tansu")) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """An Apache Kafka broker; skips where there is none."""
    with kafka_broker(tmp_path_factory.mktemp("kafka")) as broker:
        if broker is None:
            pytest.skip(HOW_TO_GET_KAFKA)
        yield broker


@pytest.fixture(scope="session", params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn."""
    found: Broker = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def valkey_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a store; it keeps its data over the tests of a session."""
    with valkey_server(tmp_path_factory.mktemp("valkey")) as port:
        yield port


@pytest.fixture
def valkey_url(valkey_port: int) -> str:
    """The URL of a store that several tests share: use a prefix of your own."""
    return f"redis://127.0.0.1:{valkey_port}/0"


@pytest.fixture(scope="session")
def valkey_cluster_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    """The ports of a cluster of three nodes."""
    with valkey_cluster(Path(tmp_path_factory.mktemp("cluster"))) as ports:
        yield ports


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server; skips where there is none."""
    with postgres_server() as url:
        if url is None:
            pytest.skip(HOW_TO_GET_POSTGRES)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """An empty records database of each kind in turn."""
    server = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return World(request.param, tmp_path, server)
