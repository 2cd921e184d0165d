"""`groundswell series …`, over Valkey and a SQLite file."""

import asyncio
import json

import pytest

from consumers.adapters.clock import SystemClock
from consumers.adapters.redis_counts import open_counts
from consumers.counts.core.fold import fold
from consumers.counts.core.following import following
from consumers.counts.core.state import PartitionState
from consumers.counts.series import Series
from consumers.records.schemes.database import open_schemes
from consumers.records.schemes.late import LateSchemes
from groundswell import cli
from groundswell.events import Entity
from groundswell.schemes import Scheme
from groundswell.settings import Settings
from tests.count_world import L, opinion, records

SHARDS = 2


@pytest.fixture
def desk(valkey_url, tmp_path, monkeypatch, capsys, request):
    prefix = f"cli{abs(hash(request.node.name)) % 10**8}-{SystemClock().now()}:"
    url = f"sqlite:///{tmp_path}/records.db"
    for name, value in (
        ("REDIS_URL", valkey_url),
        ("REDIS_PREFIX", prefix),
        ("REDIS_SHARDS", str(SHARDS)),
        ("RECORDS_URL", url),
    ):
        monkeypatch.setenv(f"GROUNDSWELL_{name}", value)
    settings = Settings(
        redis_url=valkey_url, redis_prefix=prefix, redis_shards=SHARDS, records_url=url
    )

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["groundswell", "series", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        answer = capsys.readouterr()
        return end.value.code, answer.out, answer.err

    run.settings = settings  # type: ignore[attr-defined]
    return run


def with_counts(desk, call):
    async def run():
        store = open_counts(desk.settings)
        try:
            return await call(store)
        finally:
            await store.close()

    return asyncio.run(run())


def count(desk, *rows):
    """Count rows as the first of partition 0, under what is followed."""

    async def step(store):
        held = await store.state(0)
        now = following(await store.registry(0))
        first = held.position if held else 0
        step = fold(held or PartitionState(), records(*rows, first=first), L, now)
        assert await store.step(0, held, step) is None

    with_counts(desk, step)


def test_a_scheme_is_added_counted_shown_and_dropped(desk):
    assert desk("list") == (0, "nothing is counted yet\n", "")
    count(desk, opinion(0, title="Rates rise"))
    code, out, _ = desk(
        "add-scheme", "Rate Rise", "--must", "rates", "--any", "rise", "--any", "hike"
    )
    assert (code, out) == (
        0,
        "scheme:rate-rise counts from now on; its past is filled by `count`\n",
    )
    entities = (Entity(text="Norvik \x1b[31mAG", type="ORG", start=0, end=1),)
    count(desk, opinion(1, title="RATES rise\x1b[31m again", entities=entities), opinion(2))

    out = desk("list")[1]
    assert "scheme:rate-rise" in out
    assert "topic:rates" in out
    out = desk("list", "--kind", "scheme", "--json")[1]
    (form,) = json.loads(out)["series"]
    assert (form["items"], form["negative"], form["past"]) == (1, 1, "missing")
    code, out, _ = desk("show", "Rate Rise")
    assert code == 0
    for words in (
        "must     rates",
        "any      rise, hike",
        "1 items, 1 of them negative",
        "RATES rise",
    ):
        assert words in out
    assert "\x1b" not in out
    assert json.loads(desk("show", "scheme:rate-rise", "--json")[1])["lines"][0]["offset"] == 1

    assert desk("drop", "rate-rise")[:2] == (
        0,
        "scheme:rate-rise is dropped, and its counts are removed\n",
    )
    assert desk("drop", "rate-rise")[0] == 1
    assert desk("show", "rate-rise")[0] == 1
    assert "scheme" not in desk("list")[1]


def test_errors_say_what_to_do(desk):
    assert desk("add-scheme", "oil", "--must", "oil")[0] == 0
    assert desk("add-scheme", "OIL", "--must", "oil")[0] == 0
    code, _, said = desk("add-scheme", "oil", "--must", "gas")
    assert code == 2
    assert "a scheme oil with other words: drop it first" in said
    assert "looks for nothing" in desk("add-scheme", "x", "--exclude", "y")[2]
    assert "cannot be dropped" in desk("drop", "topic:rates")[2]
    assert "see `groundswell series list`" in desk("show", "entity:nobody")[2]
    assert desk("drop", "entity:nobody")[0] == 1
    assert "there is no series of kind entity" in desk("list", "--kind", "entity")[1]


def test_redis_is_put_right_by_count_from_the_records(desk):
    desk("add-scheme", "oil", "--must", "oil")
    desk("add-scheme", "gas", "--must", "gas")

    async def lose_and_agree(store):
        for shard in range(SHARDS):
            await store.forget(shard, "scheme:oil")
        await store.forget(0, "scheme:gas")
        await store.follow(1, {"entity:norvik": None})
        late = LateSchemes(desk.settings.records_url.get_secret_value())
        await Series(store, SHARDS).agree(late)
        await late.close()
        return [set((await store.registry(shard)).series) for shard in range(SHARDS)]

    assert with_counts(desk, lose_and_agree) == [{"scheme:oil", "scheme:gas"}] * 2


def test_what_was_dropped_or_given_other_words_while_redis_was_away_is_put_right(desk):
    desk("add-scheme", "oil", "--must", "oil")
    desk("add-scheme", "gas", "--must", "gas")

    async def behind(store):
        schemes = await open_schemes(desk.settings.records_url.get_secret_value())
        await schemes.drop("oil")
        await schemes.drop("gas")
        await schemes.add("gas", Scheme(any=("lng",)))
        await Series(store, SHARDS).agree(schemes)
        await schemes.close()
        return [(await store.registry(shard)).series for shard in range(SHARDS)]

    for series in with_counts(desk, behind):
        assert set(series) == {"scheme:gas"}
        assert series["scheme:gas"].scheme.any == ("lng",)
