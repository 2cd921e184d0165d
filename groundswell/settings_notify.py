"""The settings of ``notify``; ``Settings`` has them with all others."""

import ipaddress
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator


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
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$",
        description="Where people reach the pages of `serve`; messages then lead to the alert. Empty: they do not.",
    )

    @field_validator("notify_allow")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            ipaddress.ip_network(text)
        return texts
