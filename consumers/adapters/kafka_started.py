"""
Starting a client of aiokafka, so that none is left half open.

Rule: a start is not interrupted: aiokafka forgets the connection over which it asked for its first
metadata when the question is cancelled, and nobody can close it then. So whoever is cancelled waits for the
start to end, for a moment, and closes the client.
"""

import asyncio
import contextlib
from typing import Any, Final

from consumers.adapters.kafka_errors import FAILURES

GRACE_SECONDS: Final = 2.0
"""How long a cancelled start may go on; over a broker that does not answer a connection may be lost then."""


async def started(client: Any) -> None:
    """Start a producer, consumer or admin client; it is closed if that fails or is cancelled."""
    start = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(start)
    except BaseException:
        try:
            await asyncio.wait((start,), timeout=GRACE_SECONDS)
        finally:
            start.cancel()
            with contextlib.suppress(*FAILURES):
                await (client.close() if hasattr(client, "close") else client.stop())
            start.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise
