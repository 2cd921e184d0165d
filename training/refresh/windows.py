"""Windows of a stream against a reference: files to units, and the verdict of each window in order."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from groundswell.drift.judging import FEWEST, ROUNDS, SHARE, Verdict, calibrate, judge
from groundswell.drift.observed import Units, without_heads
from groundswell.drift.sample import Reference
from groundswell.errors import InputError
from groundswell.models.bundle import Manifest
from groundswell.models.reference import measure, read_reference
from groundswell.models.session import Model, load
from groundswell.text import compose
from training.data.neighbours import clusters
from training.refresh.labels import read_rows


class Question(NamedTuple):
    """What is compared: the newest texts of ``files``, with the bundle's sample or other files."""

    files: tuple[str, ...]
    reference: tuple[str, ...] = ()
    window: int = 200
    share: float = SHARE
    rounds: int = ROUNDS
    seed: int = 0


class Answer(NamedTuple):
    """The verdicts in the order of the stream, the bundle, and how many texts the reference holds."""

    verdicts: tuple[Verdict, ...]
    bundle: str
    reference: int


def texts_of(rows: Sequence[Mapping[str, Any]], manifest: Manifest) -> list[str]:
    """Return what the model reads of rows that hold ``text``, or ``title`` and ``body``; empty ones left out."""
    found = []
    for row in rows:
        title, body = row.get("title") or row.get("text") or "", row.get("body") or ""
        if isinstance(title, str) and isinstance(body, str):
            found.append(compose(title, body, manifest.max_chars))
    return [text for text in found if text]


def ask(bundle: Path, question: Question, threads: int = 1) -> Answer:
    """
    Hold the texts of files against a reference, window by window.

    Raises ``InputError`` where there are too few texts, ``BundleError`` where the bundle has no reference.
    """
    model = load(bundle, threads=threads, embedding=True)
    reference = _reference(model, bundle, question)
    stream = texts_of(list(read_rows(question.files)), model.manifest)
    if len(stream) < FEWEST:
        raise InputError(
            f"{', '.join(question.files)}: {len(stream)} texts; {FEWEST} stories at least are compared"
        )
    units = measure(model, bundle, stream, clusters(stream))
    heads = sorted(reference.units.probabilities.keys() & units.probabilities.keys())
    known = without_heads(reference.units, heads)
    try:
        calibrated = calibrate(
            known,
            reference.confusions,
            question.window,
            share=question.share,
            rounds=question.rounds,
            seed=question.seed,
        )
        windows = _windows(without_heads(units, heads), calibrated.size)
        verdicts = tuple(judge(calibrated, window) for window in windows)
    except ValueError as error:
        raise InputError(f"{', '.join(question.files)}: {error}") from error
    return Answer(verdicts, model.id, len(known))


def _reference(model: Model, bundle: Path, question: Question) -> Reference:
    if not question.reference:
        return read_reference(bundle, model.manifest, model.graph.precision)
    texts = texts_of(list(read_rows(question.reference)), model.manifest)
    if not texts:
        raise InputError(f"{', '.join(question.reference)}: holds no text")
    return Reference(measure(model, bundle, texts, clusters(texts)), {})


def _windows(units: Units, stories: int) -> Iterator[Units]:
    """Cut a stream into windows of so many stories; a rest that is too small joins the last one."""
    ends, seen, count = [], set[int](), 0
    for place, story in enumerate(units.story.tolist()):
        if story not in seen:
            if count == stories:
                ends.append(place)
                seen, count = set(), 0
            seen.add(story)
            count += 1
    if count < FEWEST and ends:
        ends.pop()
    for start, stop in zip([0, *ends], [*ends, len(units)], strict=True):
        yield units.take(range(start, stop))
