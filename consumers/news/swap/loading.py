"""
From a bundle's directory to a voice that may speak: loaded, compared with its golden texts, warmed, timed.

Rules: everything here blocks and runs in a thread beside the stream; whatever is wrong is ``Refused``,
with the stage at which it was found; nothing of a refused bundle is kept.
"""

import ctypes
import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from consumers.news.core.swap import too_slow
from consumers.news.labels import HEADS
from consumers.news.voices import Voice
from consumers.ports import Clock
from groundswell.errors import BundleError, GroundswellError
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import Model, load
from groundswell.models.tokens import Row
from groundswell.settings import Settings

ROUNDS: Final = 5
"""How often a bundle and the present one are timed, in turn; the quickest of each counts."""
WARM_ITEMS: Final = 16
"""Texts of a batch by which a model is warmed and timed."""


class Refused(GroundswellError):
    """A bundle may not speak; ``stage`` says where that was found, in a word."""

    def __init__(self, stage: str, why: str) -> None:
        super().__init__(why)
        self.stage = stage


class Ready(NamedTuple):
    """A voice that may speak, its distance to the golden texts per head, and how its model was chosen."""

    voice: Voice
    distances: Mapping[str, float]
    model: Model


def open_voice(settings: Settings, directory: Path, key: str = "", *, threads: int = 0) -> Ready:
    """
    Load the bundle in a directory and run its golden texts; ``threads`` 0: as the settings say.

    Raises ``BundleError`` and ``CannotStart``.
    """
    model = load(
        directory,
        settings.providers,
        settings.provider_options,
        threads or settings.threads,
        1 if threads else settings.workers,
        heads=HEADS,
        explain=True,
    )
    golden = read_golden(directory, model.manifest)
    distances = check_golden(model, golden)
    voice = Voice(model, golden[0].text, key, model.graph.precision, model.provider)
    return Ready(voice, distances, model)


def prepare(
    settings: Settings,
    directory: Path,
    key: str,
    beside: Voice,
    clock: Clock | None,
    *,
    threads: int = 0,
) -> Ready:
    """
    Load a bundle, check it, warm it, and time it against the present voice (``clock`` None: do not).

    Raises ``Refused``.
    """
    try:
        ready = open_voice(settings, directory, key, threads=threads)
        texts = [row.text for row in read_golden(directory, ready.model.manifest)]
    except GroundswellError as error:
        stage = "golden" if "golden text" in str(error) else "load"
        raise Refused(stage, str(error)) from error
    try:
        if clock is None:
            _run(ready.voice, [ready.voice.model.encode(batch) for batch in _batches(texts)])
            return ready
        old, new = _timed(beside, ready.voice, _batches(texts), clock)
    except GroundswellError as error:
        raise Refused("warm", str(error)) from error
    if why := too_slow(old, new, settings.swap_slower):
        raise Refused("slow", f"{ready.voice.bundle}: {why} (swap_slower)")
    return ready


def _batches(texts: Sequence[str]) -> list[list[str]]:
    """Return the shapes that are warmed: one short text, one long one, a batch of all lengths."""
    by_length = sorted(texts, key=len)
    full = [by_length[place % len(by_length)] for place in range(WARM_ITEMS)]
    return [[by_length[0]], [by_length[-1]], full]


def _timed(
    old: Voice, new: Voice, batches: Sequence[Sequence[str]], clock: Clock
) -> tuple[float, float]:
    """Return the seconds that each takes for the batches: the least of several rounds, taken in turn."""
    sides = [(voice, [voice.model.encode(batch) for batch in batches]) for voice in (old, new)]
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for (voice, rows), seconds in zip(sides, took, strict=True):
            began = clock.now()
            _run(voice, rows)
            seconds.append(clock.now() - began)
    return min(took[0]), min(took[1])


def _run(voice: Voice, batches: Sequence[Sequence[Row]]) -> None:
    for rows in batches:
        if voice.model.run(rows).broken:
            raise BundleError(f"{voice.bundle}: answered NaN to a golden text in a batch")


def give_back_memory() -> None:
    """Return to the system what a session that is gone has left: glibc keeps it otherwise."""
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another libc keeps nothing back, or is not asked
        return
    trim(0)
