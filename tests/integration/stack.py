"""
A whole installation for one test: a broker's topics, a store, the real programs, and the questions.

Rules: every test has topics, groups and a store of its own, so that one broker serves all; what the
programs claim is compared with the log (`oracle`) and with `recount`, never with the programs alone.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_topics import ensure_topics
from consumers.adapters.redis_counts import open_counts
from consumers.counts.core.state import PartitionState
from groundswell.settings import load
from tests.integration.log import Kafka, Sent
from tests.integration.oracle import Verdicts, verdicts
from tests.integration.programs import Programs, as_variables, base_environment
from tests.integration.store import Store

TINY = Path(__file__).parents[1] / "data" / "tiny-bundle"


class Stack:
    """What a test talks to; ``settings`` hold for every program that it starts."""

    def __init__(self, kafka: Kafka, store: Store, folder: Path, **settings: object) -> None:
        tag = f"{time.monotonic_ns():x}"
        self.kafka = kafka
        self.store = store
        self.news, self.opinions, self.dead = f"news-{tag}", f"opinions-{tag}", f"dead-{tag}"
        self.alerts = f"alerts-{tag}"
        self.groups = {"consume": f"consume-{tag}", "count": f"count-{tag}"}
        self.settings: dict[str, object] = {
            "kafka_bootstrap_servers": kafka.bootstrap,
            "kafka_session_timeout_ms": 6000,
            "news_topic": self.news,
            "opinions_topic": self.opinions,
            "dead_topic": self.dead,
            "alerts_topic": self.alerts,
            "consume_group": self.groups["consume"],
            "count_group": self.groups["count"],
            "partitions": 2,
            "opinions_retention_days": -1,
            "news_retention_days": -1,
            "redis_url": store.url,
            "bundle": TINY,
            "threads": 1,
            "refusal_share": 1.0,
            "max_record_bytes": 8 << 20,
            "mark_interval_ms": 250,
            **settings,
        }
        self.programs = Programs({**base_environment(), **as_variables(self.settings)}, folder)

    async def make_topics(self) -> None:
        """Create the topics, as `groundswell topics` does."""
        settings = load(as_variables(self.settings), {})
        admin = KafkaAdmin(settings)
        try:
            await ensure_topics(admin, settings, create=True)
        finally:
            await admin.stop()

    async def produce(self, values: Sequence[bytes | None], first: int = 0) -> None:
        """Put values into `news`, over the partitions in turn, with the time of now."""
        partitions = int(str(self.settings["partitions"]))
        now = time.time_ns() // 1_000_000  # the broker's clock, which retention goes by
        await self.kafka.produce(
            self.news, (Sent((first + i) % partitions, v, now) for i, v in enumerate(values))
        )

    async def states(self) -> dict[int, PartitionState]:
        """Return what Redis holds of each partition."""
        store = open_counts(load(as_variables(self.settings), {}))
        try:
            return dict(await store.states())
        finally:
            await store.close()

    async def bundles(self) -> set[str]:
        """Return the names of the bundles that Redis says have spoken."""
        store = open_counts(load(as_variables(self.settings), {}))
        try:
            return set((await store.bundles()).values())
        finally:
            await store.close()

    async def settled(self) -> int:
        """Return how many source offsets Redis says are done with."""
        return sum(state.totals.settled for state in (await self.states()).values())

    async def wait_until_settled(self, offsets: int, timeout: float = 90.0) -> None:
        """Wait until Redis has settled that many source offsets."""
        seen = 0

        async def is_settled() -> bool:
            nonlocal seen
            seen = await self.settled()
            return seen >= offsets

        try:
            await self.programs.until(f"{offsets} offsets are settled", is_settled, timeout)
        except TimeoutError as error:
            raise TimeoutError(f"Redis settled {seen}; {error}") from None

    async def wait_until_published(self, offsets: int) -> None:
        """Wait until the log has a verdict on that many source offsets."""

        async def is_published() -> bool:
            return (await self.verdicts()).kinds.total() >= offsets

        await self.programs.until(f"{offsets} verdicts are published", is_published)

    async def recount(self) -> dict[str, Any]:
        """Run `recount --json`; fail unless it finds no difference."""
        done = await self.programs.run("recount", "--json")
        assert done.code == 0, f"recount ended with {done.code}: {done.out}{done.err}"
        answer: dict[str, Any] = json.loads(done.out)
        return answer

    async def verdicts(self) -> Verdicts:
        """Return what the log says."""
        return verdicts(await self.kafka.read(self.opinions))

    async def check_exact(self, lost: int = 0) -> Verdicts:
        """
        Compare source, log, Redis and `recount`; return what the log says.

        Every source offset has one verdict, but ``lost`` of them; Redis counted just those.
        """
        said = await self.verdicts()
        missing = sum(len(offsets) for offsets in said.missing(await self.ends()).values())
        assert (missing, said.lost) == (lost, lost)
        states = await self.states()
        refused: Counter[str] = Counter()
        for state in states.values():
            refused.update(dict(state.totals.refused))
        counted = sum(state.totals.counted for state in states.values())
        kinds = Counter(said.kinds)
        assert counted == kinds.pop("opinion", 0)
        assert sum(state.totals.ticks for state in states.values()) == kinds.pop("tick", 0)
        assert refused == kinds
        assert sum(state.totals.lost for state in states.values()) == lost
        if self.settings.get("clock") == "records":
            assert said.broken_marks == 0
        await self.recount()
        return said

    async def ends(self) -> dict[int, int]:
        """Return the end of each partition of `news`."""
        return await self.kafka.ends(self.news)

    async def lag(self) -> dict[str, int]:
        """Return how far each group's committed position is behind the end of its topic."""
        lags = {}
        for program, topic in (("consume", self.news), ("count", self.opinions)):
            committed = await self.kafka.committed(self.groups[program], topic)
            ends = await self.kafka.ends(topic)
            lags[program] = sum(
                end - committed.get(partition, 0) for partition, end in ends.items()
            )
        return lags

    def close(self) -> None:
        self.programs.close()


def news(texts: Iterable[str]) -> list[bytes]:
    """Return good items with these titles."""
    return [
        json.dumps(
            {
                "id": f"n{number}",
                "source": "wire",
                "published_at": "2026-01-05T09:00:00Z",
                "title": text,
            }
        ).encode()
        for number, text in enumerate(texts)
    ]


def headlines(count: int) -> list[bytes]:
    """Return ``count`` good items that the tiny bundle reads in all three tones."""
    texts = ("Profit soars at bank", "Fed holds rates", "Shares crash on fraud probe")
    return news(f"{texts[i % 3]} {i}" for i in range(count))
