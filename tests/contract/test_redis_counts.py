"""What only a real server can do: forget scripts, go away, evict, refuse."""

import asyncio

import pytest
from redis.asyncio import Redis

from consumers.adapters import keys
from consumers.adapters.redis_client import connect, speaking, where, whole
from consumers.adapters.redis_counts import open_counts
from consumers.adapters.redis_reading import FEW
from consumers.counts.core.fold import fold
from consumers.counts.core.state import PartitionState
from consumers.counts.ports import Held
from groundswell.errors import CannotContinue, CannotStart, SettingsError, Transient
from groundswell.settings import Settings
from tests.brokers import valkey_server
from tests.count_world import T0, L, opinion, records

STEP = fold(PartitionState(), records(opinion(0), opinion(1)), L)


def settings(url, **more):
    return Settings(redis_url=url, **more)


@pytest.fixture
async def raw(valkey_url):
    async with Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
async def store(valkey_url, request):
    counts = open_counts(settings(valkey_url, redis_prefix=request.node.name[5:37]))
    yield counts
    await counts.close()


async def test_scripts_survive_a_flush(store, raw):
    await raw.script_flush()
    assert await store.step(0, None, STEP) is None
    await raw.script_flush()
    assert (await store.states()) == {0: STEP.state}
    await raw.script_flush()
    assert await store.step(0, None, STEP) is None


async def test_an_error_amid_a_step_leaves_nothing_behind(valkey_url, raw):
    counts = open_counts(settings(valkey_url, redis_prefix="half"))
    await raw.set(keys.bundles("half", 0), "not a hash")
    with pytest.raises(Exception, match="WRONGTYPE"):
        await counts.step(0, None, STEP)

    assert await raw.keys("*half0}*") == [keys.bundles("half", 0).encode()]
    await counts.close()


async def test_few_cells_and_many_are_read_alike(store):
    rows = [opinion(n, at=T0 + n * 60_000) for n in range(150)]
    await store.step(0, None, fold(PartitionState(), records(*rows), L))
    minute = T0 // 60_000
    every = (await store.cells(["all"], "minute", minute, minute + 149))["all"]
    assert len(every) == 150
    for first, last in ((0, 0), (0, FEW - 1), (0, FEW), (55, 64), (50, 140), (149, 160)):
        found = (await store.cells(["all"], "minute", minute + first, minute + last))["all"]
        assert found == {m: c for m, c in every.items() if first <= m - minute <= last}


async def test_another_number_of_shards_is_refused(valkey_url):
    one = open_counts(settings(valkey_url, redis_prefix="sharded", redis_shards=3))
    two = open_counts(settings(valkey_url, redis_prefix="sharded", redis_shards=4))
    await one.prepare()
    await one.prepare()
    with pytest.raises(CannotStart, match=r"redis_shards is 4.*were divided into 3"):
        await two.prepare()
    await one.close()
    await two.close()


async def test_an_emptied_store_gets_its_number_of_shards_back(valkey_url, raw):
    counts = open_counts(settings(valkey_url, redis_prefix="emptied"))
    await counts.prepare()
    await raw.delete(keys.shards("emptied"))
    assert await counts.step(0, STEP.state, STEP) == Held(None)
    assert await raw.get(keys.shards("emptied")) == b"1"
    await counts.close()


async def test_a_state_of_another_release_stops_the_program(valkey_url, raw):
    counts = open_counts(settings(valkey_url, redis_prefix="foreign"))
    await raw.hset(keys.states("foreign", 0), "0", "foreign")
    with pytest.raises(CannotContinue, match="cannot be read"):
        await counts.state(0)
    with pytest.raises(CannotContinue, match="cannot be read"):
        await counts.step(0, None, STEP)
    await counts.close()


async def test_a_server_that_evicts_is_refused(tmp_path):
    with valkey_server(tmp_path, "--maxmemory-policy", "allkeys-lru") as port:
        counts = open_counts(settings(f"redis://127.0.0.1:{port}"))
        with pytest.raises(CannotStart, match=r"may evict keys \(allkeys-lru\)"):
            await counts.prepare()
        await counts.close()


async def test_a_server_that_does_not_say_whether_it_evicts_is_believed(tmp_path):
    with valkey_server(tmp_path, "--rename-command", "INFO", "") as port:
        counts = open_counts(settings(f"redis://127.0.0.1:{port}"))
        await counts.prepare()
        await counts.close()


async def test_a_server_that_is_away_or_full_is_waited_for(tmp_path):
    with valkey_server(tmp_path, "--requirepass", "secret", "--maxmemory", "1mb") as port:
        url = f"redis://:secret@127.0.0.1:{port}"
        counts = open_counts(settings(url))
        with pytest.raises(Transient, match=f"127.0.0.1:{port} is away: OutOfMemory"):
            await counts.step(0, None, STEP)
        stranger = open_counts(settings(url.replace("secret", "wrong")))
        with pytest.raises(CannotStart, match="refuses this user") as refused:
            await stranger.prepare()
        assert "wrong" not in str(refused.value)
        await stranger.close()
    with pytest.raises(Transient, match="is away") as away:
        await counts.state(0)
    assert "secret" not in str(away.value)
    with pytest.raises(Transient):
        await counts.step(0, None, STEP)
    await counts.close()


async def test_a_unix_socket_serves_as_well(tmp_path):
    path = tmp_path / "s"
    with valkey_server(tmp_path, "--unixsocket", str(path)):
        counts = open_counts(settings(f"unix://{path}"))
        await counts.prepare()
        assert await counts.step(0, None, STEP) is None
        await counts.close()


async def test_a_cluster_is_asked_on_every_node_whether_it_evicts(valkey_cluster_ports):
    url = f"redis://127.0.0.1:{valkey_cluster_ports[0]}"
    async with Redis(port=valkey_cluster_ports[2]) as node:
        await node.config_set("maxmemory-policy", "allkeys-lru")
        counts = open_counts(settings(url, redis_cluster=True, redis_prefix="evict"))
        with pytest.raises(CannotStart, match="allkeys-lru"):
            await counts.prepare()
        await node.config_set("maxmemory-policy", "noeviction")
        await counts.prepare()
        await counts.close()


async def test_a_call_that_has_begun_is_not_cut_short():
    done = asyncio.Event()

    async def call():
        await asyncio.sleep(0.01)
        done.set()
        raise ValueError("nobody hears it")

    task = asyncio.create_task(whole(call()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done.is_set()


async def test_errors_that_are_none_of_the_server_s_pass_through():
    with pytest.raises(KeyError):
        async with speaking("here"):
            raise KeyError


@pytest.mark.parametrize("url", ["http://x", "redis://h:port", "nothing"])
def test_a_bad_address_is_named_without_its_secrets(url):
    with pytest.raises(SettingsError, match="redis_url") as error:
        connect(settings(url.replace("//", "//u:secret@")))
    assert "secret" not in str(error.value)


def test_the_place_holds_no_secret():
    assert where(settings("redis://u:p@host:1234/0")) == "host:1234"
    assert where(settings("redis://")) == "127.0.0.1:6379"
    assert where(settings("unix:///run/x.sock")) == "/run/x.sock"
