"""
From a bundle's directory to a voice that may speak: loaded, compared with its golden texts, warmed, timed.

Rules: everything here blocks and runs in a thread beside the stream; whatever is wrong is ``Refused``,
with the stage at which it was found; nothing of a refused bundle is kept.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from consumers.news.core.swap import Round, too_slow
from consumers.news.labels import HEADS
from consumers.news.voices import Voice
from consumers.ports import Clock
from groundswell.errors import BundleError, GroundswellError
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import Model, load
from groundswell.models.tokens import Row
from groundswell.settings import Settings

ROUNDS: Final = 5
"""How often a bundle and the present one are timed, in turn."""
SECOND_LOOK: Final = 15
"""Rounds for a bundle that looked too slow."""
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


def open_voice(
    settings: Settings,
    directory: Path,
    key: str = "",
    *,
    threads: int = 0,
    known: Mapping[str, float] | None = None,
) -> Ready:
    """
    Load the bundle in a directory and run its golden texts; ``threads`` 0: as the settings say.

    ``known``: the distances that this process found before for the same files, which need not be found
    again. Raises ``BundleError`` and ``CannotStart``.
    """
    return check(load_model(settings, directory, threads), directory, key, known)


def load_model(settings: Settings, directory: Path, threads: int = 0) -> Model:
    """Load the bundle in a directory as `consume` uses it; as ``open_voice``."""
    return load(
        directory,
        settings.providers,
        settings.provider_options,
        threads or settings.threads,
        1 if threads else settings.workers,
        heads=HEADS,
        explain=True,
    )


def has_own_threads(settings: Settings, threads: int = 0) -> bool:
    """Whether a session of these settings may compute in threads of its own, not only in its caller's."""
    alone = threads == 1 or settings.threads == 1 or settings.workers == 0
    return not alone or settings.providers != ("cpu",)


def check(
    model: Model, directory: Path, key: str, known: Mapping[str, float] | None = None
) -> Ready:
    """Run the golden texts of a model that was loaded; as ``open_voice``."""
    golden = read_golden(directory, model.manifest)
    distances = check_golden(model, golden) if known is None else known
    voice = Voice(model, golden[0].text, key, model.graph.precision, model.provider)
    return Ready(voice, distances, model)


def warm(ready: Ready, directory: Path) -> None:
    """Run batches of several shapes; raises ``Refused``."""
    try:
        batches = _batches(_texts(ready, directory))
        _run(ready.voice, [ready.voice.model.encode(batch) for batch in batches])
    except GroundswellError as error:
        raise Refused("warm", str(error)) from error


def time_beside(ready: Ready, directory: Path, beside: Voice, clock: Clock, limit: float) -> None:
    """
    Warm a voice and time it against the present one, of whose time it may take ``limit`` times.

    Where it looks too slow, a second look is longer. Nobody may close ``beside`` meanwhile. Raises ``Refused``.
    """
    try:
        batches = _batches(_texts(ready, directory))
        rounds = _timed(beside, ready.voice, batches, clock, ROUNDS)
        if too_slow(rounds, limit):
            rounds = _timed(beside, ready.voice, batches, clock, SECOND_LOOK)
    except GroundswellError as error:
        raise Refused("warm", str(error)) from error
    if why := too_slow(rounds, limit):
        raise Refused("slow", f"{ready.voice.bundle}: {why} (swap_slower)")


def _texts(ready: Ready, directory: Path) -> list[str]:
    return [row.text for row in read_golden(directory, ready.model.manifest)]


def _batches(texts: Sequence[str]) -> list[list[str]]:
    """Return the shapes that are warmed: one short text, one long one, a batch of all lengths."""
    by_length = sorted(texts, key=len)
    full = [by_length[place % len(by_length)] for place in range(WARM_ITEMS)]
    return [[by_length[0]], [by_length[-1]], full]


def _timed(
    old: Voice, new: Voice, batches: Sequence[Sequence[str]], clock: Clock, rounds: int
) -> list[Round]:
    """
    Return the seconds that each takes for the batches, in so many rounds.

    One batch of one and of the other lie next to one another, and who begins changes: so what else the
    machine does hits both alike.
    """
    rows = {voice: [voice.model.encode(batch) for batch in batches] for voice in (old, new)}
    found = []
    for number in range(rounds):
        took = {old: 0.0, new: 0.0}
        for place in range(len(batches)):
            for voice in (old, new) if (number + place) % 2 else (new, old):
                began = clock.now()
                _run(voice, [rows[voice][place]])
                took[voice] += clock.now() - began
        found.append(Round(took[old], took[new]))
    return found


def _run(voice: Voice, batches: Sequence[Sequence[Row]]) -> None:
    for rows in batches:
        if voice.model.run(rows).broken:
            raise BundleError(f"{voice.bundle}: answered NaN to a golden text in a batch")
