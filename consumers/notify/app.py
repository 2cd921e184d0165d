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
from consumers.notify.core.leads import Leads
from consumers.notify.loop import Notifying
from consumers.notify.metrics import Metrics
from consumers.notify.planner import Planning
from consumers.notify.ports import Sender
from consumers.notify.pruning import Pruning, kept
from consumers.notify.sealing import keys_of, sealer_of
from consumers.notify.workers import Workers
from consumers.records.notices.database import open_notices
from groundswell.action_links import link_keys
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
    leads = leads_of(settings)
    apprised = AppriseSender(networks(settings.notify_allow), leads)
    me = f"{socket.gethostname()}:{os.getpid()}"
    planning = Planning(records, calendar, clock, health, metrics, me)
    workers = Workers(
        records=records,
        senders=senders_of(settings, apprised, leads),
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


def leads_of(settings: Settings) -> Leads | None:
    """Return what the links of messages are made with; where there is none, say so, once."""
    if not settings.public_url:
        log.info(
            "no_links",
            why="public_url is not set: messages carry no links to open, acknowledge or snooze alerts",
        )
        return None
    keys = link_keys(keys_of(settings))
    return Leads(settings.public_url, keys, settings.notify_link_hours * 3600)


def senders_of(
    settings: Settings, apprised: AppriseSender, leads: Leads | None
) -> dict[str, Sender]:
    """Return the sender of each kind of channel."""
    outside = Outside(networks(settings.notify_allow))
    return {
        "console": ConsoleSender(leads=leads),
        "webhook": WebhookSender(outside, leads),
        "dingtalk": DingTalkSender(outside, leads),
        "feishu": FeishuSender(outside, leads),
        "wecom": WeComSender(outside, leads),
        "apprise": apprised,
    }
