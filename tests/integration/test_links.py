"""Links from end to end: an alert, its message, the page that it leads to, and what is done there, once."""

import asyncio
import subprocess
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from consumers.records.database import open_records
from consumers.records.notices.database import open_notices
from tests.notify_world import stories
from tests.receivers import receiving
from tests.records_world import ID, M0, fired
from tests.serving import GROUNDSWELL, Serving

BROWSER = {"Accept": "text/html"}


@pytest.fixture
def programs(tmp_path):
    serving = Serving(tmp_path, {"notify_allow": "127.0.0.0/8", "http_port": "0"})
    serving.more["public_url"] = f"http://127.0.0.1:{serving.port}"
    started = []

    def notify():
        with (tmp_path / "notify.log").open("ab") as log:
            started.append(
                subprocess.Popen(
                    [*GROUNDSWELL, "notify"], env=serving.environment, stdout=log, stderr=log
                )
            )

    yield serving, notify
    for process in [serving.process, *started]:
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait(30)


def subscribed(serving, url):
    """Subscribe in somebody's name; returns the secret of the channel."""
    made = serving.call("subscribe", "rates", "--webhook", url, "--owner", "ann")
    assert made.returncode == 0, made.stderr
    return next(word for word in made.stdout.split() if word.startswith("whsec_"))


async def sent(receiver, secret, number):
    """The event of the message with a number, once it is there; its signature is checked."""
    async with asyncio.timeout(90):
        while len(receiver.calls) < number:  # noqa: ASYNC110 - a receiver is no event
            await asyncio.sleep(0.05)
    call = receiver.calls[number - 1]
    return Webhook(secret).verify(call.body, call.headers)


async def test_an_alert_is_acknowledged_and_snoozed_out_of_its_message(programs):
    serving, notify = programs
    async with receiving() as receiver, httpx.AsyncClient(headers=BROWSER) as person:
        secret = await asyncio.to_thread(subscribed, serving, receiver.url)
        records = await open_records(serving.url)
        lease = await records.acquire("watch", 600_000)
        shown: dict[str, Any] = {"severity": "critical", "evidence": stories(5), "ratio": 4.0}
        await records.commit_minute(lease, fired(**shown))
        notify()
        await asyncio.to_thread(serving.start)
        (item,) = (await sent(receiver, secret, 1))["data"]["items"]
        links = item["links"]

        assert len({story["url"] for story in item["stories"]}) >= 3
        page = (await person.get(links["open"])).text
        assert all(f'<a href="https://news.test/{n}"' in page for n in range(5))
        for action in ("acknowledge", "snooze"):
            assert "<button>" in (await person.get(links[action])).text
        assert len(await records.history(ID)) == 1, "to look does nothing"
        for action in ("acknowledge", "snooze"):
            answers = [await person.post(links[action]) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, 409]
        tampered = links["snooze"].replace(".snooze.", ".acknowledge.")
        assert (await person.post(tampered)).status_code == 403

        told = [(li.action, li.actor, li.cause) for li in await records.history(ID)][1:]
        assert told == [(action, "ann", "by a signed link") for action in ("acknowledge", "snooze")]
        await withheld(serving.url, "snoozed")
        await records.commit_minute(lease, fired(M0 + 1, M0, **{**shown, "ratio": 9.0}))
        event = await sent(receiver, secret, 2)
        assert (event["data"]["reason"], len(receiver.calls)) == ("worse", 2)
        await records.close()


async def withheld(url, reason):
    """Wait until the log of notifications says that something is withheld, and why."""
    notices = await open_notices(url)
    async with asyncio.timeout(60):
        while reason not in {line.reason for _, line in await notices.log()}:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await notices.close()
