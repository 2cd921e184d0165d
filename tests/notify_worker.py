"""
A process of `notify` until it is killed: `python -m tests.notify_worker RECORDS_URL KEY NAME`.

It is the program as it is, but for its patience: waits are of a tenth of a second, claims of a second and a
half, and it may send to the loopback.
"""

import asyncio
import sys

from prometheus_client import CollectorRegistry

from consumers.adapters.clock import SystemClock
from consumers.adapters.http import Health
from consumers.notify import loop, planner, workers
from consumers.notify.calendars import calendar
from consumers.notify.channels.bots import FeishuSender
from consumers.notify.channels.outside import Outside
from consumers.notify.channels.webhook import WebhookSender
from consumers.notify.core import answers
from consumers.notify.core.addresses import networks
from consumers.notify.metrics import Metrics
from consumers.notify.sealing import FernetSealer
from consumers.records.notices.database import open_notices


def hurry():
    """Be less patient than the program is."""
    for module, name, value in (
        (answers, "DELAYS", (0.1,) * 10_000),
        (answers, "RATE_PAUSE_MS", 100),
        (workers, "LEASE_MS", 1500),
        (planner, "LEASE_MS", 3000),
        (planner, "RENEW_SECONDS", 0.3),
        (loop, "IDLE_SECONDS", 0.05),
    ):
        setattr(module, name, value)


async def notify(url, key, name, stop):
    """Run the program over records."""
    records = await open_notices(url)
    clock, health, metrics = SystemClock(), Health(), Metrics(CollectorRegistry())
    outside = Outside(networks(["127.0.0.0/8"]), seconds=0.7)
    sending = workers.Workers(
        records=records,
        senders={"webhook": WebhookSender(outside), "feishu": FeishuSender(outside)},
        sealer=FernetSealer(key),
        clock=clock,
        health=health,
        metrics=metrics,
        name=name,
        most=16,
        pace={},
    )
    planning = planner.Planning(records, calendar, clock, health, metrics, name)
    await loop.Notifying(planning, sending, records, clock, health, metrics).run(stop)
    await records.close()


if __name__ == "__main__":
    hurry()
    asyncio.run(notify(sys.argv[1], sys.argv[2], sys.argv[3], asyncio.Event()))
