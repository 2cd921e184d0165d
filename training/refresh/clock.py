"""The time for the commands: as text, and in ms."""

import time


class SystemClock:
    """See ``training.refresh.job.Clock``."""

    def text(self) -> str:
        """Return now as RFC 3339."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def ms(self) -> int:
        """Return now in ms since 1970."""
        return time.time_ns() // 1_000_000

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
