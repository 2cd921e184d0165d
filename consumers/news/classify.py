"""
`classify`: add labels to every row of a file, with the code of the online path.

A row comes out in its place with all its own fields, `sentiment`, `topics`, `entities` (as far as the
bundle has such heads), `words` (what spoke for a negative tone), further heads and functions by their own names, and `bundle`; where it has a
field of that name already, ours is called `predicted_…`. Starts and ends of names count characters of
what the model read: where that is not `text` as it stands, the row holds it as `composed`. A row that
cannot be read is kept, with `error` in place of the labels, and counted: that is no failure of the
command.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec
from rich.console import Console
from rich.progress import Progress

from consumers.news.asking import Asking
from consumers.news.core.batching import Batcher
from consumers.news.labels import best, chosen, entities, negative_words
from consumers.news.ports import Labeller
from consumers.news.row_stories import RowStories
from consumers.news.rows import Read, labelled, read
from consumers.news.similar import prepare, read_functions
from groundswell.errors import InputError, Rejected
from groundswell.models.bundle import Head
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.scores import Probabilities, Scores, apart, together
from groundswell.models.session import EXPLAINED, load
from groundswell.models.tokens import Row
from groundswell.settings import Settings
from groundswell.tasks import Function

CHUNK: Final = 1024
"""Rows that are sorted by length together, and held in memory twice."""


class _Row(NamedTuple):
    read: Read
    row: Row


class Classifier:
    """The model with the batching of the online path; ``probe`` is a text that it can read."""

    def __init__(
        self,
        model: Labeller,
        probe: str,
        max_tokens: int,
        max_items: int,
        functions: Sequence[Function] = (),
        stories: RowStories | None = None,
    ) -> None:
        self._model = model
        self._asking = Asking(model, probe)
        self._max_tokens = max_tokens
        self._max_items = max_items
        self._stories = stories
        self._passed = 0
        self._similar = [prepare(function, model, self._asking) for function in functions]

    def rows(self, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """Yield a row for every line that is not blank, in order; the next rows encode meanwhile."""
        filled = (line for line in lines if line.strip())
        with ThreadPoolExecutor(1, "tokenise") as pool:
            coming = pool.submit(self._encode, list(islice(filled, CHUNK)))
            while rows := coming.result():
                coming = pool.submit(self._encode, list(islice(filled, CHUNK)))
                yield from self._label(rows)

    def _encode(self, lines: list[bytes]) -> list[_Row]:
        rows = [read(line, self._model.manifest) for line in lines]
        texts = [row.text for row in rows if not row.error]
        encoded = iter(self._model.encode(texts) if texts else [])
        return [_Row(row, Row([]) if row.error else next(encoded)) for row in rows]

    def _label(self, rows: list[_Row]) -> Iterator[dict[str, Any]]:
        window: Batcher[int] = Batcher(self._max_tokens, self._max_items, 0.0, len(rows))
        for place, row in enumerate(rows):
            if not row.read.error:
                window.add(place, max(1, len(row.row)), 0.0)
        refused: dict[int, Rejected] = {}
        scored: dict[int, Scores] = {}
        while batch := window.take(0.0, flush=True):
            asked = self._asking.ask([rows[place].row for place in batch], _each)
            for place, answer in zip(batch, asked, strict=True):
                if isinstance(answer, Rejected):
                    refused[place] = answer
                else:
                    scored[place] = answer
        places = list(scored)
        said = self._said([rows[place] for place in places], list(scored.values()))
        answers = dict(zip(places, said, strict=True))
        for place, (line, _) in enumerate(rows):
            if place in answers:
                ours = answers[place]
                if self._stories is not None:
                    ours |= self._stories.fields(self._passed + place, line.fields, ours)
                yield labelled(line.fields, ours)
            else:
                yield {**line.fields, "error": line.error or str(refused[place])}
        self._passed += len(rows)

    def _said(self, rows: Sequence[_Row], parts: Sequence[Scores]) -> list[dict[str, Any]]:
        """Return our fields for each row."""
        if not rows:
            return []
        scores = together(parts)
        texts = [row.read.text for row in rows]
        answers: dict[str, Sequence[Any]] = {}
        for head in self._model.manifest.heads:
            if head.kind == "tokens":
                encoded = [row.row for row in rows]
                answers[head.name] = entities(head, scores.words[head.name], encoded)
            else:
                answers |= _named(head, scores.heads[head.name])
        if scores.contributions is not None:
            tone = self._model.manifest.head(EXPLAINED)
            labels = [said["label"] for said in answers[EXPLAINED]]
            answers["words"] = negative_words(tone, labels, scores, [row.row for row in rows])
        for similar in self._similar:
            answers |= _named(similar.head, similar.probabilities(texts, scores))
        out: list[dict[str, Any]] = []
        for place, (row, _) in enumerate(rows):
            ours = {name: values[place] for name, values in answers.items()}
            if scores.words and row.text != row.fields.get("text"):
                ours["composed"] = row.text
            out.append({**ours, "bundle": self._model.manifest.id})
        return out


def _each(scores: Scores, rows: Sequence[Row]) -> list[Scores]:
    return apart(scores, len(rows))


def _named(head: Head, probabilities: Probabilities) -> dict[str, Sequence[Any]]:
    """Return a head's answers for each text, under their name in a row."""
    if head.name == "topic":
        return {"topics": chosen(head, probabilities)}
    return {head.name: (chosen if head.kind == "several" else best)(head, probabilities)}


def run(
    settings: Settings,
    file: str,
    out: str,
    functions: Sequence[Path] = (),
    *,
    stories: bool = False,
) -> int:
    """
    Classify ``file`` into ``out`` ("-": stdin, stdout); the command's body, returns its exit code.

    ``functions`` are files of functions to be answered by similarity, without training; ``stories``
    says whether near-duplicates are found. Raises ``InputError`` for files that cannot be used,
    ``BundleError`` for the model.
    """
    declared = read_functions(functions)
    model = load(
        settings.bundle,
        settings.providers,
        settings.provider_options,
        settings.threads,
        embedding=bool(declared),
        explain=True,
    )
    golden = read_golden(settings.bundle, model.manifest)
    check_golden(model, golden)
    classifier = Classifier(
        model,
        golden[0].text,
        settings.batch_tokens,
        settings.batch_items,
        declared,
        RowStories(settings) if stories else None,
    )
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
