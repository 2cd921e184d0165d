"""
Builds the client of Redis or Valkey: a single server, a unix socket, or a cluster.

Rules: the URL may hold a password and never stands in a message. A call that has begun is never
cancelled, since its answer would be taken for that of the next one. Errors of the connection become
``Transient``; the client itself tries once more and no longer, as the caller waits with a back-off.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from groundswell.errors import CannotStart, SettingsError, Transient
from groundswell.settings import Settings

Client: TypeAlias = "Redis | RedisCluster"
T = TypeVar("T")

TIMEOUT_SECONDS: Final = 5.0
"""How long a connection or an answer may take."""

_AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterDownError,
    exceptions.RedisClusterException,
    exceptions.TryAgainError,
    exceptions.MasterDownError,
    OSError,
    TimeoutError,
)

_NOT_NOW = ("MISCONF ", "NOREPLICAS ", "BUSY ")
"""Codes, without a class of their own, of a server that takes no writes: disk, replicas, a long script."""


def connect(settings: Settings, timeout: float = TIMEOUT_SECONDS, retries: int = 1) -> Client:
    """
    Build the client; nothing is connected yet. Raises ``SettingsError`` on a bad URL.

    ``timeout`` (seconds) and ``retries`` are what a call may cost while the server is away.
    """
    url = settings.redis_url.get_secret_value()
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(ConstantBackoff(0.05), retries),
    }
    try:
        if settings.redis_cluster:
            return RedisCluster.from_url(url, **options)
        return Redis.from_url(url, **options)
    except (ValueError, exceptions.RedisError) as error:
        raise SettingsError(
            "redis_url: cannot be used; it must be redis://…, rediss://… or unix://…, and the last "
            "not with redis_cluster"
        ) from error


def where(settings: Settings) -> str:
    """Name the server without its secrets: host and port, or the path of the socket."""
    parts = urlsplit(settings.redis_url.get_secret_value())
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or '127.0.0.1'}:{parts.port or 6379}"


async def whole(call: Awaitable[T]) -> T:
    """Await ``call`` to its end, even if the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise


@asynccontextmanager
async def speaking(place: str) -> AsyncIterator[None]:
    """Translate the errors of calls to the server at ``place``."""
    try:
        yield
    except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
        raise CannotStart(f"Redis at {place} refuses this user: {error}") from error
    except _AWAY as error:
        raise Transient(f"Redis at {place} is away: {type(error).__name__}: {error}") from error
    except exceptions.ResponseError as error:
        if not str(error).startswith(_NOT_NOW):
            raise
        raise Transient(f"Redis at {place} takes no writes now: {error}") from error
