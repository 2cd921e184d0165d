"""
The subscriber of `up`: a webhook to its own receiver, a subscription of everything, a key to the API.

Rules: all of it lives in the records of this one run, under the name of who is logged in, and ends with
it. Messages may go to the receiver's address and to nothing else that is not of the public internet.
"""

import secrets
from typing import Final

from consumers.notify.desk.making import channel_of, new_secret
from consumers.notify.sealing import sealer_of
from consumers.records.access.database import open_access
from consumers.records.access.values import ApiKey
from consumers.records.desk.commands import person
from consumers.records.notices.database import open_notices
from consumers.records.notices.values import Channel, Grouping, Subscription
from consumers.up.receiver import Receiver
from consumers.web.core.keys import ID_BYTES, SECRET_BYTES, new_key
from groundswell.errors import CannotContinue
from groundswell.settings import Settings

ADDRESS: Final = "127.0.0.1"
CHANNEL: Final = "receiver"
"""Id and name of the channel."""
_DAY_MS: Final = 86_400_000
_QUICK: Final = Grouping(group_wait=2, group_wait_critical=1, group_interval=10)
"""In the sample an hour passes in seconds."""


class Subscriber:
    """The receiver, and the secret that it shares with its channel."""

    def __init__(self) -> None:
        self._secret = new_secret()
        self.receiver = Receiver(self._secret)

    async def subscribe(self, settings: Settings, port: int) -> None:
        """Write channel and subscription; the receiver listens on ``port``."""
        owner, url = person(None), f"http://{ADDRESS}:{port}/"
        made = channel_of(
            owner, CHANNEL, "webhook", {"url": url, "secrets": [self._secret]}, sealer_of(settings)
        )
        channel = Channel(CHANNEL, owner, CHANNEL, "webhook", made.shown, made.sealed)
        wanted = Subscription("sample", owner, "sample", (CHANNEL,), grouping=_QUICK)
        notices = await open_notices(settings.records_url.get_secret_value())
        try:
            await notices.put_channel(channel)
            await notices.put_subscription(wanted)
        finally:
            await notices.close()

    async def key(self, settings: Settings) -> str:
        """Make a key to the API, good for a day."""
        made = new_key(secrets.token_bytes(ID_BYTES + SECRET_BYTES))
        access = await open_access(settings.records_url.get_secret_value())
        try:
            expires = await access.now() + _DAY_MS
            kept = ApiKey(made.id, made.hashed, person(None), "analyst", expires=expires)
            if not await access.add_key(kept):
                raise CannotContinue("a key's id is taken in records that were empty")
        finally:
            await access.close()
        return made.text
