"""The channels against receivers that speak their protocols: signatures, bodies, refusals."""

import asyncio
import base64
import email
import email.policy
import hashlib
import hmac
import io
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from consumers.notify.channels.apprised import AppriseSender
from consumers.notify.channels.bots import DingTalkSender, FeishuSender, WeComSender
from consumers.notify.channels.console import ConsoleSender
from consumers.notify.channels.outside import Outside
from consumers.notify.channels.webhook import WebhookSender, bad_secret
from consumers.notify.core.addresses import networks
from consumers.notify.desk.making import new_secret
from consumers.notify.ports import Letter
from tests.notices_world import message
from tests.receivers import receiving

HERE = networks(["127.0.0.0/8"])


def letter(config, at=None):
    return Letter("key-1", at or int(time.time_ns() // 1_000_000), message(), config)


async def test_a_webhook_is_signed_with_every_secret():
    old, new = new_secret(), new_secret()
    async with receiving() as receiver:
        config = {"url": receiver.url, "secrets": [new, old]}
        answer = await WebhookSender(Outside(HERE)).send(letter(config))
    assert answer.status == 200
    (call,) = receiver.calls
    assert call.headers["webhook-id"] == "key-1"
    for secret in (old, new):
        assert Webhook(secret).verify(call.body, call.headers)["type"] == "alert.firing"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(call.body, call.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(call.body + b" ", call.headers)
    signed = f"key-1.{call.headers['webhook-timestamp']}.".encode() + call.body
    raw = hmac.digest(base64.b64decode(new[6:]), signed, hashlib.sha256)
    assert call.headers["webhook-signature"].split()[0] == "v1," + base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "c" * 44, "whsec_" + "A" * 200, "whsec_no base64!"]
)
def test_a_secret_that_is_too_short_or_long_is_refused(secret):
    assert bad_secret(secret) is not None
    assert bad_secret(new_secret()) is None


async def test_dingtalk_is_signed_in_the_query():
    async with receiving() as receiver:
        config = {"url": receiver.url + "?access_token=t", "secret": "SECx"}
        await DingTalkSender(Outside(HERE)).send(letter(config, 1_700_000_000_123))
        await DingTalkSender(Outside(HERE)).send(letter({"url": receiver.url}))
    query = parse_qs(urlsplit(receiver.calls[0].path).query)
    wanted = hmac.digest(b"SECx", b"1700000000123\nSECx", hashlib.sha256)
    assert query["access_token"] == ["t"]
    assert query["timestamp"] == ["1700000000123"]
    assert base64.b64decode(query["sign"][0]) == wanted
    assert receiver.calls[0].json()["msgtype"] == "markdown"
    assert "sign" not in receiver.calls[1].path


async def test_feishu_is_signed_in_the_body():
    async with receiving() as receiver:
        config = {"url": receiver.url, "secret": "s"}
        await FeishuSender(Outside(HERE)).send(letter(config, 1_700_000_000_123))
    said = receiver.calls[0].json()
    wanted = base64.b64encode(hmac.digest(b"1700000000\ns", b"", hashlib.sha256)).decode()
    assert (said["timestamp"], said["sign"], said["msg_type"]) == ("1700000000", wanted, "post")


async def test_wecom_takes_markdown():
    async with receiving() as receiver:
        await WeComSender(Outside(HERE)).send(letter({"url": receiver.url}))
    assert "markdown" in receiver.calls[0].json()["msgtype"]


async def test_the_console_prints_and_says_where_it_is_gone():
    stream = io.StringIO()
    assert (await ConsoleSender(stream).send(letter({}))).status == 200
    assert "Why: a new alert" in stream.getvalue()
    stream.close()
    assert (await ConsoleSender(stream).send(letter({}))).status is None


@pytest.fixture
async def apprise():
    sender = AppriseSender(HERE, seconds=20)
    yield sender
    await sender.close()


async def test_apprise_sends_through_its_process(apprise):
    async with receiving() as receiver:
        for _ in range(2):
            config = {"url": f"json://127.0.0.1:{receiver.port}/x"}
            assert (await apprise.send(letter(config))).status == 200
        broken = await apprise.send(letter({"url": f"json://127.0.0.1:{receiver.port + 1}/"}))
    assert "Why: a new alert" in receiver.calls[0].json()["message"]
    assert (len(receiver.calls), broken.status, broken.refused) == (2, None, False)


async def test_apprise_does_not_follow_redirects(apprise):
    async with receiving() as target:
        away = {"Location": target.url}
        async with receiving(lambda _c: (307, away, b"")) as receiver:
            config = {"url": f"json://127.0.0.1:{receiver.port}/"}
            assert (await apprise.send(letter(config))).status is None
    assert target.calls == []


INSIDE = ("127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::ffff:7f00:1]")


async def test_apprise_connects_to_nothing_inside():
    sender = AppriseSender()
    async with receiving() as receiver:
        for address in INSIDE:
            answer = await sender.send(letter({"url": f"json://{address}:{receiver.port}/"}))
            assert answer.status is None
    await sender.close()
    assert receiver.calls == []


async def test_what_does_not_leave_the_machine_is_refused(apprise):
    for url in ("syslog://", "dbus://", "rsyslog://127.0.0.1", "nothing://x"):
        assert (await apprise.send(letter({"url": url}))).refused


async def test_apprise_that_hangs_is_ended_and_goes_on():
    sender = AppriseSender(HERE, seconds=2)
    async with receiving(lambda _c: "hang") as slow, receiving() as quick:
        hung = await sender.send(letter({"url": f"json://127.0.0.1:{slow.port}/"}))
        done = await sender.send(letter({"url": f"json://127.0.0.1:{quick.port}/"}))
    await sender.close()
    assert (hung.status, done.status) == (None, 200)


async def test_a_mail_says_the_same(apprise):
    mails = []

    async def smtp(reader, writer):
        writer.write(b"220 here\r\n")
        letters, data = [], False
        while line := await reader.readline():
            if data:
                data = line != b".\r\n"
                letters.append(line)
                said = b"" if data else b"250 ok\r\n"
            else:
                data = line.upper().startswith(b"DATA")
                said = b"354 go on\r\n" if data else b"250 ok\r\n"
            writer.write(said)
        mails.append(b"".join(letters))
        writer.close()

    server = await asyncio.start_server(smtp, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"mailto://127.0.0.1:{port}/?from=a@b.test&to=c@d.test&mode=insecure&smtp=127.0.0.1"
    answer = await apprise.send(letter({"url": url}))
    server.close()
    assert answer.status == 200
    mail = email.message_from_bytes(mails[0], policy=email.policy.default)
    assert mail["To"] == "c@d.test"
    body = mail.get_body(("plain", "html"))
    assert body is not None
    assert "Why: a new alert" in body.get_content()
