"""The console: messages as text on stdout, for a first look and for pipes."""

import asyncio
import sys
from typing import TextIO

from consumers.notify.core.answers import Answer
from consumers.notify.core.payloads import text, title_of
from consumers.notify.ports import Letter


class ConsoleSender:
    """The ``Sender`` port over a stream."""

    def __init__(self, stream: TextIO | None = None, public_url: str = "") -> None:
        self._stream = stream
        self._public_url = public_url

    async def send(self, letter: Letter) -> Answer:
        """Write one message, and an empty line."""
        body = text(letter.message, public_url=self._public_url)
        try:
            await asyncio.to_thread(self._print, f"{title_of(letter.message)}\n{body}\n\n")
        except (OSError, ValueError) as error:
            return Answer(None, error=f"the console is gone ({type(error).__name__})")
        return Answer(200)

    def _print(self, text: str) -> None:
        stream = self._stream or sys.stdout
        stream.write(text)
        stream.flush()
