"""A server that answers but takes no writes for now: waited for, and no half step."""

import pytest
from redis import Redis

from consumers.adapters.redis_counts import open_counts
from consumers.counts.core.fold import fold
from consumers.counts.core.state import PartitionState
from groundswell.errors import Transient
from groundswell.settings import Settings
from tests.brokers import valkey_server


async def test_a_server_that_takes_no_writes_is_waited_for(tmp_path):
    step = fold(PartitionState(position=3), (), 1)
    with valkey_server(tmp_path, "--min-replicas-to-write", "1") as port, Redis(port=port) as raw:
        counts = open_counts(Settings(redis_url=f"redis://127.0.0.1:{port}/0"))
        for call in (counts.prepare, lambda: counts.step(0, None, step)):
            with pytest.raises(
                Transient, match=f"127.0.0.1:{port} takes no writes now: NOREPLICAS"
            ):
                await call()
        assert raw.keys("*") == []
        raw.config_set("min-replicas-to-write", "0")
        assert await counts.step(0, None, step) is None
        await counts.close()
