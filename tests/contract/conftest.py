"""Fixtures for the suites of the records: each runs over the twin, SQLite and PostgreSQL."""

import pytest

from tests.records_world import World


@pytest.fixture(params=["twin", "sqlite", "postgresql"])
def place(request, tmp_path):
    server = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return World(request.param, tmp_path, server)


@pytest.fixture
async def records(place):
    async with place.open() as opened:
        yield opened


@pytest.fixture
async def lease(records):
    return await records.acquire("one", 1000)
