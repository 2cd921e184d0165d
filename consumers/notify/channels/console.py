"""The console: messages as text on stdout, for a first look and for pipes."""

import asyncio
import sys
from typing import TextIO

from consumers.notify.core.answers import Answer
from consumers.notify.core.leads import Leads
from consumers.notify.core.payloads import text, title_of
from consumers.notify.ports import Letter


class ConsoleSender:
    """The ``Sender`` port over a stream."""

    def __init__(self, stream: TextIO | None = None, leads: Leads | None = None) -> None:
        self._stream = stream
        self._leads = leads

    async def send(self, letter: Letter) -> Answer:
        """Write one message, and an empty line."""
        body = text(letter.message, leads=self._leads)
        try:
            await asyncio.to_thread(self._print, f"{title_of(letter.message)}\n{body}\n\n")
        except (OSError, ValueError) as error:
            return Answer(None, error=f"the console is gone ({type(error).__name__})")
        return Answer(200)

    def _print(self, text: str) -> None:
        stream = self._stream or sys.stdout
        stream.write(text)
        stream.flush()
