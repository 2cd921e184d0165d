"""The clock: the one place that reads it. Everything else takes a ``Clock``, or the time itself."""

import time


class SystemClock:
    """The ``Clock`` port over the operating system's clocks."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> int:
        return time.time_ns() // 1_000_000
