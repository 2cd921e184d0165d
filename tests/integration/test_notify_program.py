"""The program itself, as a user starts it: subscribe, notify, and a signed message arrives."""

import asyncio
import os
import re
import signal
import sys

import pytest
from standardwebhooks import Webhook

from consumers.records.alerts import alert_id
from consumers.records.database import open_records
from groundswell.action_links import link_keys, opened
from tests.notify_world import stories
from tests.receivers import receiving
from tests.records_world import M0, fired

GROUNDSWELL = (sys.executable, "-m", "groundswell.cli")


@pytest.fixture
def program(tmp_path):
    environ = {
        **os.environ,
        "GROUNDSWELL_RECORDS_URL": f"sqlite:///{tmp_path}/r.db",
        "GROUNDSWELL_SECRETS_KEY_FILE": str(tmp_path / "key"),
        "GROUNDSWELL_NOTIFY_ALLOW": "127.0.0.0/8",
        "GROUNDSWELL_PUBLIC_URL": "https://desk.test",
    }

    async def start(*arguments):
        return await asyncio.create_subprocess_exec(
            *GROUNDSWELL,
            *arguments,
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )

    return start


async def said(program, *arguments):
    process = await program(*arguments)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def until(receiver, count):
    async with asyncio.timeout(60):
        while len(receiver.calls) < count:  # noqa: ASYNC110 - a receiver is no event
            await asyncio.sleep(0.05)


async def test_a_subscriber_gets_a_signed_message(program, tmp_path):
    async with receiving() as receiver:
        shown = await said(
            program, "subscribe", "rates", "--topic", "rates", "--webhook", receiver.url
        )
        found = re.search(r"whsec_\S+", shown)
        assert found
        await said(program, "subscriptions", "test", "rates")
        notify = await program("notify")
        await until(receiver, 1)
        records = await open_records(f"sqlite:///{tmp_path}/r.db")
        lease = await records.acquire("one", 60_000)
        name = alert_id("surge", "topic:rates", M0)
        await records.commit_minute(lease, fired(severity="critical", evidence=stories(3)))
        await records.close()
        await until(receiver, 2)
        notify.send_signal(signal.SIGTERM)
        await notify.communicate()
        assert notify.returncode == 0
    events = [Webhook(found[0]).verify(call.body, call.headers) for call in receiver.calls]
    assert [event["type"] for event in events] == ["test", "alert.firing"]
    (item,) = events[1]["data"]["items"]
    assert (item["alert"], len(item["stories"])) == (name, 3)
    keys = link_keys((tmp_path / "key").read_text())
    for action, url in item["links"].items():
        allowed = opened(url.removeprefix("https://desk.test/a/"), keys, 0)
        assert (allowed.action, allowed.alert) == (action, name)
    assert list(item["links"]) == ["open", "acknowledge", "snooze"]
    log = await said(program, "subscriptions", "log", "rates")
    assert log.count("\tsent\t") == 2


async def test_a_key_that_is_none_is_refused_at_the_start(program, monkeypatch):
    process = await asyncio.create_subprocess_exec(
        *GROUNDSWELL,
        "notify",
        env={**os.environ, "GROUNDSWELL_SECRETS_KEY": "no key"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await process.communicate()
    assert process.returncode == 2
    assert b"secrets_key: not a key" in error
    assert b"Traceback" not in error
