"""
`groundswell alerts export`: alerts with their histories, as JSON lines or CSV.

Rules: the newest first, a page in memory at a time. What is written of an alert is as of one moment:
transitions that were added since its page was read are left out. In CSV no cell is a formula.
"""

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TextIO, TypeAlias

import msgspec

from consumers.records.desk.commands import pages
from consumers.records.desk.forms import COLUMNS, EpisodeForm, csv_rows, episode_form
from consumers.records.desk.plain import cell
from consumers.records.ports import AlertReader, Filter
from groundswell.errors import InputError

Format: TypeAlias = Literal["jsonl", "csv"]
STDOUT: Final = "-"


async def run_export(records: AlertReader, which: Filter, form: Format, out: str) -> int:
    """Write the alerts of a filter to a file, or to stdout."""
    now = await records.now()
    with _destination(out) as file:
        write = _writer(file, form)
        async for alerts in pages(records, which):
            for alert in alerts:
                history = await records.history(alert.id)
                said = await records.verdicts(alert.id)
                write(episode_form(alert, history, said, now))
    return 0


def _writer(file: TextIO, form: Format) -> Callable[[EpisodeForm], None]:
    if form == "jsonl":
        return lambda episode: _line(file, episode)
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    return lambda episode: rows.writerows([map(cell, row) for row in csv_rows(episode)])


def _line(file: TextIO, episode: EpisodeForm) -> None:
    file.write(msgspec.json.encode(episode).decode() + "\n")


@contextmanager
def _destination(out: str) -> Iterator[TextIO]:
    if out == STDOUT:
        yield sys.stdout
        sys.stdout.flush()
        return
    try:
        with Path(out).open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror})") from error
