"""The receiver of `up` takes what is signed with its secret, once, and nothing else."""

from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from standardwebhooks import Webhook

from consumers.adapters.clock import SystemClock
from consumers.notify.core.payloads import webhook
from consumers.notify.desk.making import new_secret
from consumers.up.receiver import MOST_BYTES, Receiver
from tests.notices_world import message

SECRET = new_secret()
BODY = webhook(message(reason="first_notification", firing=1))


def signed(body, key="k1", secret=SECRET):
    now = datetime.fromtimestamp(SystemClock().wall() / 1000, UTC)
    return {
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(key, now, body.decode()),
    }


@pytest.fixture
async def post():
    receiver = Receiver(SECRET)
    transport = httpx.ASGITransport(receiver.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://up") as client:

        async def send(body, headers):
            return (await client.post("/", content=body, headers=headers)).status_code

        yield receiver, send


async def test_a_signed_message_is_taken_once(post):
    receiver, send = post

    assert [await send(BODY, signed(BODY)), await send(BODY, signed(BODY))] == [204, 204]

    (shown,) = receiver.fresh()
    assert shown.text == (
        "signed message received for rates: alert.firing (first_notification), no series, 0 stories; "
        "signature verified"
    )
    assert receiver.fresh() == []
    assert receiver.refused == 0
    assert await send(BODY, signed(BODY, "k2")) == 204
    assert len(receiver.fresh()) == 1


NO_EVENT = msgspec.json.encode({"type": 1})


@pytest.mark.parametrize(
    ("body", "over", "secret"),
    [
        (BODY, BODY, new_secret()),
        (BODY + b" ", BODY, SECRET),
        (NO_EVENT, NO_EVENT, SECRET),
        (b"no JSON", b"no JSON", SECRET),
        (b"\xff", b"x", SECRET),
    ],
    ids=["of another", "changed", "no event", "no JSON", "no text"],
)
async def test_anything_else_is_refused(post, body, over, secret):
    receiver, send = post

    assert await send(body, signed(over, secret=secret)) == 400

    assert (receiver.messages, receiver.refused) == ([], 1)


async def test_what_is_unsigned_or_too_long_is_refused(post):
    receiver, send = post

    assert [await send(BODY, {}), await send(b"x" * (MOST_BYTES + 1), {})] == [400, 413]

    assert (receiver.messages, receiver.refused) == ([], 2)
