"""The API for tests: every part is a twin, over one clock; a client for each role."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI

from consumers.adapters.http import Health
from consumers.adapters.memory_counts import MemoryCounts
from consumers.adapters.notice_rules import NotifyRules
from consumers.adapters.redis_counts import retention_of
from consumers.adapters.series_view import SeriesView
from consumers.notify.sealing import FernetSealer
from consumers.notify.sealing import new_key as sealing_key
from consumers.records.access.memory import MemoryAccess
from consumers.records.access.values import ApiKey
from consumers.records.memory import MemoryRecords
from consumers.records.notices.memory import MemoryNotices
from consumers.records.schemes.memory import MemorySchemes
from consumers.records.tail import MemoryTail
from consumers.web.build import build
from consumers.web.core.keys import new_key
from consumers.web.hub import Hub
from consumers.web.live import Live
from consumers.web.metrics import Metrics
from consumers.web.parts import Parts
from groundswell.action_links import link_keys
from groundswell.events import NewsItem
from groundswell.settings import Settings
from tests.records_world import M0, T0, Hand, fired

SETTINGS = Settings(serve_burst=100_000, serve_requests_a_minute=1_000_000, serve_poll_ms=20)
HOSTILE = '<script>alert(1)</script>" onload=x =cmd|calc \x1b[2J\u202e'


@dataclass
class HandClock:
    """A clock that is set by hand: ``hand`` in ms."""

    hand: Hand

    def now(self) -> float:
        return self.hand.at / 1000

    def wall(self) -> int:
        return self.hand.at


@dataclass
class MemoryIntake:
    """The twin of the way of news: what was pushed, by source and id."""

    items: dict[tuple[str, str], NewsItem] = field(default_factory=dict)

    async def push(self, items):
        outcomes = []
        for item in items:
            held = self.items.get((item.source, item.id))
            if held is None:
                self.items[item.source, item.id] = item
                outcomes.append("accepted")
            else:
                outcomes.append("duplicate" if held == item else "conflict")
        return outcomes

    async def close(self):
        """Nothing is held."""


@dataclass
class Web:
    """The application, its parts, and keys by role."""

    parts: Parts
    records: MemoryRecords
    app: FastAPI
    keys: dict[str, str]
    hand: Hand

    def client(self, role: str | None = "admin", **more) -> httpx.AsyncClient:
        headers = {} if role is None else {"Authorization": f"Bearer {self.keys[role]}"}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://api",
            headers=headers,
            **more,
        )

    async def fire(self, minute: int = M0, after: int | None = None, **more) -> None:
        """Let the alert of the world fire."""
        lease = await self.records.acquire("watch", 1_000_000)
        await self.records.commit_minute(lease, fired(minute, after, **more))


def parts_over(hand: Hand, settings: Settings = SETTINGS, tail=None, records=None):
    """Return parts over twins, and the twin of the records."""
    records = records or MemoryRecords(hand)
    clock, health, metrics = HandClock(hand), Health(), Metrics()
    counts = SeriesView(MemoryCounts(1, retention_of(settings)))
    tail = tail or MemoryTail(records)
    secret = sealing_key()
    parts = Parts(
        settings=settings,
        clock=clock,
        health=health,
        metrics=metrics,
        alerts=records,
        access=MemoryAccess(hand),
        notices=MemoryNotices(records),
        rules=NotifyRules(FernetSealer(secret)),
        schemes=MemorySchemes(hand),
        counts=counts,
        intake=MemoryIntake(),
        hub=Hub(tail, health, metrics, settings.serve_poll_ms / 1000),
        live=Live(counts, clock, health),
        link_keys=link_keys(secret),
    )
    return parts, records


async def key_for(access, number: int, owner: str, role: str, **more) -> str:
    """Make a key; returns its text."""
    made = new_key(number.to_bytes(4, "big") + number.to_bytes(32, "big"))
    await access.add_key(ApiKey(made.id, made.hashed, owner, role, **more))
    return made.text


@asynccontextmanager
async def web_of(settings: Settings = SETTINGS):
    """A world of its own."""
    hand = Hand(T0)
    parts, records = parts_over(hand, settings)
    keys = {}
    for number, role in enumerate(("viewer", "analyst", "admin"), 1):
        keys[role] = await key_for(parts.access, number, role[:3], role)
    await parts.hub.start()
    yield Web(parts, records, build(parts), keys, hand)
