"""Asking a program of this machine for its health and its metrics."""

import asyncio
import http.client
from typing import Final

from groundswell.errors import Transient

_TIMEOUT: Final = 3.0


async def get(port: int, path: str) -> tuple[int, str]:
    """Return status and body of ``http://127.0.0.1:port/path``. Raises ``Transient``."""
    return await asyncio.to_thread(_get, port, path)


def _get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise Transient(f"nothing answers on port {port}: {error}") from error
    finally:
        connection.close()
