"""The composition root of `notify`: builds the parts, and ends them in order."""

import asyncio
import os
import signal
import socket

import structlog

from consumers.adapters.clock import SystemClock
from consumers.adapters.http import Health, serving
from consumers.adapters.logs import set_up
from consumers.notify.calendars import calendar
from consumers.notify.channels.apprised import AppriseSender
from consumers.notify.channels.bots import DingTalkSender, FeishuSender, WeComSender
from consumers.notify.channels.console import ConsoleSender
from consumers.notify.channels.outside import Outside
from consumers.notify.channels.webhook import WebhookSender
from consumers.notify.core.addresses import networks
from consumers.notify.loop import Notifying
from consumers.notify.metrics import Metrics
from consumers.notify.planner import Planning
from consumers.notify.ports import Sender
from consumers.notify.pruning import Pruning, kept
from consumers.notify.sealing import sealer_of
from consumers.notify.workers import Workers
from consumers.records.notices.database import open_notices
from groundswell.settings import Settings

log = structlog.get_logger()


async def run(settings: Settings, *, stop: asyncio.Event | None = None) -> None:
    """
    Notify until SIGTERM, SIGINT or ``stop``.

    Raises ``CannotStart`` or ``CannotContinue``; whatever else is away is waited for.
    """
    set_up(settings.log_level, settings.log_format, "notify")
    stop = stop or asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    sealer = sealer_of(settings)
    clock, health, metrics = SystemClock(), Health(), Metrics()
    records = await open_notices(settings.records_url.get_secret_value())
    apprised = AppriseSender(networks(settings.notify_allow), settings.public_url)
    me = f"{socket.gethostname()}:{os.getpid()}"
    planning = Planning(records, calendar, clock, health, metrics, me)
    workers = Workers(
        records=records,
        senders=senders_of(settings, apprised),
        sealer=sealer,
        clock=clock,
        health=health,
        metrics=metrics,
        name=me,
        most=settings.notify_workers,
    )
    pruning = Pruning(records, clock, metrics, *kept(settings))
    try:
        async with serving(
            settings.http_host, settings.http_port, health, metrics.registry
        ) as port:
            log.info("listening", host=settings.http_host, port=port)
            await Notifying(planning, workers, pruning, records, clock, health, metrics).run(stop)
    finally:
        await apprised.close()
        await records.close()
        log.info("stopped")


def senders_of(settings: Settings, apprised: AppriseSender) -> dict[str, Sender]:
    """Return the sender of each kind of channel."""
    outside, shown = Outside(networks(settings.notify_allow)), settings.public_url
    return {
        "console": ConsoleSender(public_url=shown),
        "webhook": WebhookSender(outside, shown),
        "dingtalk": DingTalkSender(outside, shown),
        "feishu": FeishuSender(outside, shown),
        "wecom": WeComSender(outside, shown),
        "apprise": apprised,
    }
