r"""
The bots of 钉钉, 飞书 and 企业微信: JSON over HTTPS, signed where the bot has a secret.

Rules: as their makers document them. 钉钉: HMAC-SHA256 of "timestamp\nsecret" (ms) under the secret, in the
query. 飞书: HMAC-SHA256 of nothing under "timestamp\nsecret" (s), in the body. 企业微信 has no signature:
its address is the secret. Apprise knows the bots too, but says only whether it worked, not the code by which
it did not.
"""

import base64
import hashlib
import hmac
from urllib.parse import quote_plus

import msgspec

from consumers.notify.channels.outside import Outside
from consumers.notify.core import payloads
from consumers.notify.core.answers import Answer
from consumers.notify.core.leads import Leads
from consumers.notify.ports import Letter


def _digest(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


class DingTalkSender:
    """The ``Sender`` port; the config has ``url`` and perhaps ``secret``."""

    def __init__(self, outside: Outside, leads: Leads | None = None) -> None:
        self._outside = outside
        self._leads = leads

    async def send(self, letter: Letter) -> Answer:
        """Send once."""
        url, secret = str(letter.config["url"]), str(letter.config.get("secret", ""))
        if secret:
            sign = quote_plus(_digest(secret, f"{letter.at}\n{secret}"))
            url += f"{'&' if '?' in url else '?'}timestamp={letter.at}&sign={sign}"
        body = msgspec.json.encode(payloads.dingtalk(letter.message, self._leads))
        return await self._outside.post(url, body, {})


class FeishuSender:
    """The ``Sender`` port; the config has ``url`` and perhaps ``secret``."""

    def __init__(self, outside: Outside, leads: Leads | None = None) -> None:
        self._outside = outside
        self._leads = leads

    async def send(self, letter: Letter) -> Answer:
        """Send once."""
        made, secret = (
            payloads.feishu(letter.message, self._leads),
            str(letter.config.get("secret", "")),
        )
        if secret:
            stamp = str(letter.at // 1000)
            made = {"timestamp": stamp, "sign": _digest(f"{stamp}\n{secret}", ""), **made}
        return await self._outside.post(str(letter.config["url"]), msgspec.json.encode(made), {})


class WeComSender:
    """The ``Sender`` port; the config has ``url``."""

    def __init__(self, outside: Outside, leads: Leads | None = None) -> None:
        self._outside = outside
        self._leads = leads

    async def send(self, letter: Letter) -> Answer:
        """Send once."""
        body = msgspec.json.encode(payloads.wecom(letter.message, self._leads))
        return await self._outside.post(str(letter.config["url"]), body, {})
