"""`top`: a live table of series, counts, negative share, rate and lag, read from Redis alone."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.live import Live

from consumers.adapters.clock import SystemClock
from consumers.adapters.redis_counts import open_counts
from consumers.counts.ports import CountReader
from consumers.ports import Clock
from consumers.records.database import DatabaseRecords, open_records
from consumers.up.alerts import Board, Line
from consumers.up.look import look
from consumers.up.table import Picture, render
from groundswell.errors import CannotStart, InputError, Transient
from groundswell.settings import Settings

# A picture that loads no fonts from elsewhere: the reader's own monospace will do.
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_NOTHING = Picture(
    rows=(), window=0, counted=0, refused=0, lost=0, rate=None, lag=None, note="no counts yet"
)


class Watcher:
    """Takes one look after another; when the store is away, the last picture says so."""

    def __init__(
        self, reader: CountReader, window: int, clock: Clock, board: Board | None = None
    ) -> None:
        self._reader, self._window, self._clock, self._board = reader, window, clock, board
        self.lines: list[Line] = []
        """The transitions of alerts that were seen so far."""
        self._said = 0
        self._before: tuple[int, int] | None = None
        self.picture = _NOTHING

    async def look(self) -> Picture:
        """Look again."""
        now = self._clock.wall()
        try:
            picture = await look(self._reader, self._window, now, self._before)
            alerts, lines = await self._board.look() if self._board else ((), ())
        except Transient as error:
            self.picture = replace(self.picture, rate=None, note=str(error))
            return self.picture
        self._before = (now, picture.counted + picture.refused)
        note = "" if picture.rows else "no counts yet: is `groundswell count` running?"
        self.lines += lines
        self.picture = replace(picture, note=note, alerts=alerts)
        return self.picture

    def fresh(self) -> list[Line]:
        """Return the lines that came since this was asked last."""
        lines, self._said = self.lines[self._said :], len(self.lines)
        return lines


def save_svg(picture: Picture, file: Path) -> None:
    """Write the picture as SVG. Raises ``InputError`` if the file cannot be written."""
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=132, file=nowhere, force_terminal=True)
        console.print(render(picture))
    try:
        svg = console.export_svg(title="groundswell top")
        file.write_text(_FONT.sub("", svg), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file}: cannot be written ({error.strerror})") from error


async def run(
    settings: Settings, *, interval: float, once: bool, minutes: int, svg: Path | None
) -> int:
    """Show the table until Ctrl-C, or once; the command's body."""
    store, records = open_counts(settings), await _records(settings)
    watcher = Watcher(store, minutes, SystemClock(), Board(records) if records else None)
    try:
        if once or svg is not None:
            # The rate needs two looks.
            await watcher.look()
            await asyncio.sleep(interval)
            picture = await watcher.look()
            if svg is not None:
                save_svg(picture, svg)
            else:
                Console().print(render(picture))
            return 0
        with Live(render(await watcher.look()), auto_refresh=False, screen=True) as live:
            while True:
                await asyncio.sleep(interval)
                live.update(render(await watcher.look()), refresh=True)
    finally:
        await store.close()
        if records is not None:
            await records.close()


async def _records(settings: Settings) -> DatabaseRecords | None:
    """Open the records; None where there are none (yet): the table is then shown without alerts."""
    try:
        return await open_records(settings.records_url.get_secret_value(), make=False)
    except (CannotStart, Transient):
        return None
