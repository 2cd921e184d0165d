"""
`classify`: add labels to every row of a file, with the code of the online path.

A row is a JSON object with `text`, or `title` and `body`. It comes out in its place with all its own
fields and `sentiment`, `topics` and `bundle`; where it has a field of that name already, ours is called
`predicted_…`. A row that cannot be read is kept, with `error` in place of the labels (a line that is
no object as `row`), and counted: that is no failure of the command.
"""

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec
from rich.console import Console
from rich.progress import Progress

from consumers.news.core.batching import Batcher
from consumers.news.labels import Labelling, Labels
from consumers.news.ports import Labeller
from groundswell.errors import InputError, Rejected
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import load
from groundswell.models.tokens import Row
from groundswell.settings import Settings
from groundswell.text import compose

CHUNK: Final = 1024
"""Rows that are sorted by length together, and held in memory twice."""


class _Row(NamedTuple):
    fields: dict[str, Any]
    row: Row
    error: str


class Classifier:
    """The model with the batching of the online path; ``probe`` is a text that it can read."""

    def __init__(self, model: Labeller, probe: str, max_tokens: int, max_items: int) -> None:
        self._model = model
        self._labelling = Labelling(model, probe)
        self._max_tokens = max_tokens
        self._max_items = max_items

    def rows(self, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """Yield a row for every line that is not blank, in order; the next rows encode meanwhile."""
        filled = (line for line in lines if line.strip())
        with ThreadPoolExecutor(1, "tokenise") as pool:
            coming = pool.submit(self._encode, list(islice(filled, CHUNK)))
            while rows := coming.result():
                coming = pool.submit(self._encode, list(islice(filled, CHUNK)))
                yield from self._label(rows)

    def _encode(self, lines: list[bytes]) -> list[_Row]:
        read = [_read(line, self._model.manifest.max_chars) for line in lines]
        texts = [text for _, text, error in read if not error]
        encoded = iter(self._model.encode(texts) if texts else [])
        return [
            _Row(fields, Row([]) if error else next(encoded), error) for fields, _, error in read
        ]

    def _label(self, rows: list[_Row]) -> Iterator[dict[str, Any]]:
        window: Batcher[int] = Batcher(self._max_tokens, self._max_items, 0.0, len(rows))
        for place, row in enumerate(rows):
            if not row.error:
                window.add(place, max(1, len(row.row)), 0.0)
        answers: dict[int, Labels | Rejected] = {}
        while batch := window.take(0.0, flush=True):
            labels = self._labelling.label([rows[place].row for place in batch])
            answers.update(zip(batch, labels, strict=True))
        for place, row in enumerate(rows):
            yield _written(row, answers.get(place), self._model.manifest.id)


def run(settings: Settings, file: str, out: str) -> int:
    """
    Classify ``file`` into ``out`` ("-": stdin, stdout); the command's body, returns its exit code.

    Raises ``InputError`` for files that cannot be used, ``BundleError`` for the model.
    """
    model = load(settings.bundle, settings.providers, settings.provider_options, settings.threads)
    golden = read_golden(settings.bundle, model.manifest)
    check_golden(model, golden)
    classifier = Classifier(model, golden[0].text, settings.batch_tokens, settings.batch_items)
    console = Console(file=sys.stderr)
    rows = bad = 0
    encode = msgspec.json.Encoder().encode
    with ExitStack() as stack:
        source, size = _open(stack, file)
        sink = _create(stack, file, out)
        progress = stack.enter_context(Progress(console=console, transient=True))
        bar = progress.add_task("classifying", total=size)
        for row in classifier.rows(_watched(source, progress, bar)):
            sink.write(encode(row) + b"\n")
            rows += 1
            bad += "error" in row and "bundle" not in row
    if out != "-":
        _part(out).replace(out)
    told = f"; {bad:,} could not be read and hold `error`" if bad else ""
    console.print(f"{rows:,} rows classified by {model.id} on {model.provider}{told}")
    return 0


def _read(line: bytes, max_chars: int) -> tuple[dict[str, Any], str, str]:
    """Return a line's fields, the text to read, and what is wrong with it."""
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return {"row": line.decode("utf-8", "replace").strip()}, "", f"not_json: {error}"
    if not isinstance(row, dict):
        return {"row": row}, "", "not_object: the line is no JSON object"
    title = row.get("title") if row.get("title") is not None else row.get("text")
    body = row.get("body")
    title, body = ("" if part is None else part for part in (title, body))
    if not isinstance(title, str) or not isinstance(body, str):
        return row, "", "bad_field: `text`, `title` and `body` must be strings"
    text = compose(title, body, max_chars)
    return row, text, "" if text else "no_text: there is no readable character"


def _written(row: _Row, answer: Labels | Rejected | None, bundle: str) -> dict[str, Any]:
    if isinstance(answer, Labels):
        ours = {"sentiment": answer.sentiment, "topics": answer.topics, "bundle": bundle}
        return row.fields | {
            f"predicted_{key}" if key in row.fields else key: value for key, value in ours.items()
        }
    return {**row.fields, "error": row.error if answer is None else str(answer)}


def _open(stack: ExitStack, file: str) -> tuple[BinaryIO, int | None]:
    if file == "-":
        return sys.stdin.buffer, None
    try:
        return stack.enter_context(Path(file).open("rb")), Path(file).stat().st_size
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error


def _create(stack: ExitStack, file: str, out: str) -> BinaryIO:
    """Write aside; the caller renames it when it is whole."""
    if out == "-":
        return sys.stdout.buffer
    if file != "-" and Path(out).resolve() == Path(file).resolve():
        raise InputError(f"{out}: is the file that is read; name another one")
    try:
        return stack.enter_context(_part(out).open("wb"))
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror})") from error


def _part(out: str) -> Path:
    return Path(f"{out}.part")


def _watched(source: BinaryIO, progress: Progress, bar: Any) -> Iterator[bytes]:
    for line in source:
        progress.advance(bar, len(line))
        yield line
