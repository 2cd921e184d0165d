"""
A process of `notify` until it is killed; forked from one that has imported what it needs, so that it works
from its first instant.

It is the program as it is, but for its patience: waits are of a tenth of a second, claims of a second and a
half, and it may send to the loopback.
"""

import asyncio
import multiprocessing
import os
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
from consumers.notify.pruning import Pruning
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
    pruning = Pruning(records, clock, metrics, None, None)
    await loop.Notifying(planning, sending, pruning, records, clock, health, metrics).run(stop)
    await records.close()


def run(url, key, name):
    """Notify without a word until the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    hurry()
    asyncio.run(notify(url, key, name, asyncio.Event()))


def start(url, key, name):
    """Start a process; ``kill`` sends it SIGKILL."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["pytest", __name__])
    process = forks.Process(target=run, args=(url, key, name), daemon=True)
    process.start()
    return process
