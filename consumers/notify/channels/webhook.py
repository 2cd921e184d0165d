"""
Signed webhooks after Standard Webhooks 1.0.

Rules: `webhook-id` is the delivery's key and never changes between tries; `webhook-timestamp` is that of
the try; `webhook-signature` has one signature for every secret of the channel, the newest first, so that a
receiver can change over in its own time.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

from consumers.notify.channels.outside import Outside
from consumers.notify.core.answers import Answer
from consumers.notify.core.leads import Leads
from consumers.notify.core.payloads import webhook
from consumers.notify.ports import Letter

PREFIX: Final = "whsec_"
LEAST_BYTES, MOST_BYTES, MOST_SECRETS = 24, 64, 5


def bad_secret(secret: str) -> str | None:
    """Say what is wrong with a secret; None: nothing."""
    try:
        raw = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return f"a secret is {PREFIX} and base64"
    if not secret.startswith(PREFIX) or not LEAST_BYTES <= len(raw) <= MOST_BYTES:
        return f"a secret is {PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in base64"
    return None


def signatures(key: str, at: int, body: bytes, secrets: list[str]) -> str:
    """Return the header with a signature for each secret; ``at`` in ms."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return " ".join(Webhook(s).sign(key, moment, body.decode()) for s in secrets)


class WebhookSender:
    """The ``Sender`` port; the config has ``url`` and ``secrets``."""

    def __init__(self, outside: Outside, leads: Leads | None = None) -> None:
        self._outside = outside
        self._leads = leads

    async def send(self, letter: Letter) -> Answer:
        """Send once."""
        body = webhook(letter.message, self._leads)
        secrets = letter.config.get("secrets")
        chosen = [str(s) for s in secrets] if isinstance(secrets, list) else []
        headers = {
            "webhook-id": letter.key,
            "webhook-timestamp": str(letter.at // 1000),
            "webhook-signature": signatures(letter.key, letter.at, body, chosen),
        }
        return await self._outside.post(str(letter.config["url"]), body, headers)
