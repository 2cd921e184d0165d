"""
What aiokafka is told: its keyword arguments, built from the settings in one place.

Rules: the dictionaries hold the SASL password, so they are never logged and never part of a message;
acks=all; nothing is reset, committed or sought behind our back.
"""

import ssl
from typing import Any, Final

from aiokafka.helpers import create_ssl_context

from groundswell.errors import SettingsError
from groundswell.settings import Settings

HEADROOM: Final = 65_536
"""Bytes that a verdict or a copied refusal may need beyond the record that it came from."""

WRITE_TIMEOUT_MS: Final = 10_000
"""How long one write is tried before it counts as unknown."""

_BATCH: Final = 1 << 20
_FETCH: Final = 65_536
_REBALANCE_SLACK_MS: Final = 10_000
_POLL_INTERVAL_MS: Final = 900_000


def client_options(settings: Settings) -> dict[str, Any]:
    """Return how to reach the brokers. Raises ``SettingsError`` for a CA file that cannot be used."""
    options: dict[str, Any] = {
        "bootstrap_servers": [s.strip() for s in settings.kafka_bootstrap_servers.split(",")],
        "security_protocol": settings.kafka_security_protocol,
        "client_id": "groundswell",
        "metadata_max_age_ms": 30_000,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        try:
            cafile = settings.kafka_ssl_cafile
            options["ssl_context"] = create_ssl_context(cafile=str(cafile) if cafile else None)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"kafka_ssl_cafile: {settings.kafka_ssl_cafile} cannot be used ({error})"
            ) from error
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return options


def consumer_options(settings: Settings, group: str) -> dict[str, Any]:
    """
    Return the arguments of a consumer in ``group``.

    The rebalance time-out exceeds the drain budget (else two members own a partition), and the request
    time-out exceeds that, since a join waits for it.
    """
    rebalance = int(settings.drain_seconds * 1000) + _REBALANCE_SLACK_MS
    rebalance = max(rebalance, settings.kafka_session_timeout_ms)
    return {
        **client_options(settings),
        "group_id": group,
        "group_instance_id": settings.kafka_instance_id or None,
        "auto_offset_reset": "none",
        "enable_auto_commit": False,
        "session_timeout_ms": settings.kafka_session_timeout_ms,
        "heartbeat_interval_ms": settings.kafka_session_timeout_ms // 3,
        "rebalance_timeout_ms": rebalance,
        "request_timeout_ms": rebalance + _REBALANCE_SLACK_MS,
        "max_poll_interval_ms": _POLL_INTERVAL_MS,
        "fetch_max_wait_ms": settings.kafka_fetch_max_wait_ms,
        # Small, so that partitions are read in turn; a broker returns a larger first record anyway.
        "max_partition_fetch_bytes": _FETCH,
    }


def producer_options(settings: Settings, *, idempotent: bool = False) -> dict[str, Any]:
    """Return the arguments of a producer that waits for all replicas."""
    largest = settings.max_record_bytes + HEADROOM
    return {
        **client_options(settings),
        "acks": "all",
        "enable_idempotence": idempotent,
        "linger_ms": 0,
        # A topic limits whole batches, and this is what `opinions` is sure to take.
        "max_batch_size": min(_BATCH, largest),
        "max_request_size": largest,
        "request_timeout_ms": WRITE_TIMEOUT_MS,
    }


def admin_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of an admin client."""
    return {**client_options(settings), "request_timeout_ms": WRITE_TIMEOUT_MS}
