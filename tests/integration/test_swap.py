"""Hot swap with the real programs and brokers: promotions under a stream, a rollback from the terminal."""

import asyncio

import pytest

from consumers.adapters.kafka_moves import KafkaAnnouncer, KafkaMoves
from groundswell.errors import Transient
from groundswell.models.registry import CHAMPION, open_registry
from groundswell.models.signing import make_keys, read_private, sign_bundle
from groundswell.settings import Settings
from tests.news_world import item
from tests.registry_world import bundle

PROMOTIONS = 6


class Registry:
    """A registry in a folder, with its keys."""

    def __init__(self, folder):
        self.folder = folder
        self.url = str(folder / "registry")
        private, self.public = make_keys(folder / "keys")
        self.key = read_private(private)
        self.registry = open_registry(self.url, self.public.read_bytes())

    def tell(self, announcer):
        self.registry = open_registry(self.url, self.public.read_bytes(), announcer)

    def publish(self, version):
        made = bundle(self.folder, version)
        sign_bundle(made, self.key)
        return self.registry.publish(made)

    def promote(self, version):
        return self.registry.promote(version, self.registry.alias(CHAMPION))

    @property
    def settings(self):
        return {
            "registry_url": self.url,
            "registry_public_key": self.public,
            "bundle_cache": self.folder / "cache",
            "swap_slower": 1000.0,
        }


@pytest.fixture
def registry(tmp_path):
    (tmp_path / "models").mkdir()
    made = Registry(tmp_path / "models")
    made.promote(made.publish("1"))
    return made


async def feeding(stack, stop):
    """Publish a few items a tenth of a second until ``stop`` is set; what is under way is ended first."""
    sent = 0
    while not stop.is_set():
        await stack.produce([item("Profit soars", id=f"{sent + n}") for n in range(10)], sent)
        sent += 10
        await asyncio.sleep(0.1)


async def spoken(stack):
    """Return the bundles that the log names."""
    found = await stack.kafka.read(stack.opinions)
    return {r.bundle for r in _opinions(found)}


def _opinions(found):
    from groundswell.events import Opinion, decode_log

    rows = (decode_log(record.value) for records in found.values() for record in records)
    return [row for row in rows if isinstance(row, Opinion)]


async def test_promotions_and_a_rollback_by_the_real_programs_lose_nothing(
    make_stack, quick, registry
):
    told = {"models_topic": f"models-{id(registry):x}", **registry.settings}
    # What is told over Kafka is what is heard: polling comes too late to be seen here.
    stack = await make_stack(quick, registry_poll_seconds=20.0, **told)
    registry.tell(KafkaAnnouncer(Settings(kafka_bootstrap_servers=quick.bootstrap, **told)))
    consume, count = stack.programs.start("consume"), stack.programs.start("count")
    await stack.programs.ready(consume, count)
    stop = asyncio.Event()
    feed = asyncio.ensure_future(feeding(stack, stop))
    try:
        await stack.programs.until("the first one speaks", lambda: _speaks(stack, "tiny@1"))
        for number in range(2, 2 + PROMOTIONS):
            version = registry.publish(str(number))
            await asyncio.to_thread(registry.promote, version)
            await stack.programs.until(f"{version} speaks", lambda v=version: _speaks(stack, v.id))
        done = await stack.programs.run("models", "rollback", "--reason", "a test")
        assert done.code == 0, done.err
        before = f"tiny@{PROMOTIONS}"

        async def back():
            name = f'groundswell_consume_model_info{{bundle="{before}"'
            return any(key.startswith(name) for key in await consume.metrics())

        await stack.programs.until("the version before is back", back)
    finally:
        stop.set()
        await feed
    total = sum((await stack.ends()).values())
    await stack.wait_until_settled(total)
    said = await stack.check_exact()
    assert said.kinds == {"opinion": total}
    assert {f"tiny@{n}" for n in range(1, 2 + PROMOTIONS)} == await spoken(stack)


async def _speaks(stack, name):
    return name in await spoken(stack)


async def test_a_move_is_told_over_kafka_and_wakes_whoever_listens(quick, registry):
    settings = Settings(
        kafka_bootstrap_servers=quick.bootstrap, models_topic=f"models-{id(registry):x}"
    )
    moves, announcer = KafkaMoves(settings), KafkaAnnouncer(settings)
    try:
        with pytest.raises(Transient, match="does not exist"):
            await moves.heard()
        move = registry.registry.moved(CHAMPION)
        await asyncio.to_thread(announcer.announce, move)
        async with asyncio.TaskGroup() as group:
            heard = group.create_task(moves.heard())
            async with asyncio.timeout(60):
                # Who listens hears what is told from then on: it is told until it is heard.
                while not heard.done():
                    await asyncio.to_thread(announcer.announce, move)
                    await asyncio.wait((heard,), timeout=1.0)
    finally:
        await moves.stop()
