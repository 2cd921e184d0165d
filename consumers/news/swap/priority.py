"""Letting a thread stand back, so that what is done beside the stream takes what the stream leaves."""

import contextlib
import os
import threading
from typing import Final

NICE: Final = 3
"""
How much less of a core such a thread gets: half of another one's share, where both want it.

With ten, a tenth, the stream is hardly better off (it holds the interpreter's lock while it waits for its
turn), and where no core is ever idle a bundle is not ready in time.
"""
LAST: Final = 19
"""The lowest priority there is."""


def stand_back() -> None:
    """Lower the priority of the calling thread; elsewhere than on Linux it is the whole process's, and stays."""
    if hasattr(os, "sched_getaffinity"):
        present = os.getpriority(os.PRIO_PROCESS, 0)
        with contextlib.suppress(OSError):
            lowest = min(present + NICE, LAST)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), lowest)
