"""The settings of ``notify``; ``Settings`` has them with all others."""

import ipaddress
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, SecretStr, field_validator

FOR_EVER: Final = -1


class NotifySettings(BaseModel):
    """What is told to whom is kept in the records; here stands how it may leave the machine."""

    secrets_key: SecretStr = Field(
        SecretStr(""),
        description="Keys that seal the secrets of channels, comma separated, the first one seals; empty: from `secrets_key_file`. Secret.",
    )
    secrets_key_file: Path = Field(
        Path("groundswell.key"),
        description="File with such keys; made with a new one where it is not there.",
    )
    notify_workers: int = Field(
        4, ge=1, le=256, description="Messages that one process of `notify` sends at once."
    )
    notify_allow: tuple[str, ...] = Field(
        (),
        description="Networks outside of the public internet that messages may be sent to, as in 10.1.0.0/16; plain http too.",
    )
    deliveries_retention_days: int = Field(
        30,
        ge=FOR_EVER,
        le=36_500,
        description="How long messages that were delivered, or are dead, can be looked up and replayed, in days: 7 at least; -1 keeps for ever.",
    )
    notification_log_retention_days: int = Field(
        400,
        ge=FOR_EVER,
        le=36_500,
        description="How long the log says what was sent and withheld, in days: 90 at least; -1 keeps for ever.",
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$",
        description="Where people reach `serve`; messages then carry signed links to open, acknowledge and snooze an alert. Empty: none.",
    )
    notify_link_hours: int = Field(
        72,
        ge=1,
        le=168,
        description="Hours for which the links in a message are good, from when it was decided.",
    )

    @field_validator("notify_allow")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            ipaddress.ip_network(text)
        return texts

    @field_validator("deliveries_retention_days")
    @classmethod
    def _longer_than_tries(cls, days: int) -> int:
        return _at_least(days, 7)

    @field_validator("notification_log_retention_days")
    @classmethod
    def _as_the_trigger_has_it(cls, days: int) -> int:
        return _at_least(days, 90)


def _at_least(days: int, least: int) -> int:
    if days != FOR_EVER and days < least:
        raise ValueError(f"must be {least} at least, or {FOR_EVER}")
    return days
