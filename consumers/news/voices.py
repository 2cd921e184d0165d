"""
The model that speaks, and how another one takes its place.

Rules: a batch is asked of one voice, which is let go of only when its last batch is done; the place is
one reference, changed under a lock that is held for no longer than that takes; a voice that breaks while
the one before it is still there gives the place back, so that a bad promotion stops nobody.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Final, NamedTuple

from consumers.news.labels import Labelling
from consumers.news.ports import Labeller
from groundswell.models.bundle import Manifest

_numbers: Final = count(1)


class Voice:
    """
    A model that is ready to label; ``probe`` is a text that it can read, ``key`` names no other bundle.

    ``precision`` and ``provider`` say how it is computed.
    """

    def __init__(
        self, model: Labeller, probe: str, key: str = "", precision: str = "", provider: str = ""
    ) -> None:
        self.number = next(_numbers)
        """By which work that was encoded for this voice is known."""
        manifest: Manifest = model.manifest
        self.bundle = manifest.id
        self.key = key or f"{manifest.id} in a directory"
        self.precision, self.provider = precision, provider
        self.languages = frozenset(manifest.languages)
        self.max_chars = manifest.max_chars
        self.model = model
        self.labelling = Labelling(model, probe)
        self.users = 0
        self._counting = threading.Lock()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Be one of the users while inside: it is not let go of before."""
        with self._counting:
            self.users += 1
        try:
            yield
        finally:
            with self._counting:
                self.users -= 1

    def close(self) -> None:
        """Let go of the model: whoever comes later finds none. Nobody may be using it."""
        del self.model, self.labelling


class Fallen(NamedTuple):
    """A voice that broke in service, and how."""

    voice: Voice
    why: str


class Voices:
    """The place: who speaks now, and who spoke before, as long as that one is kept."""

    def __init__(self, voice: Voice) -> None:
        self._lock = threading.Lock()
        self._now = voice
        self._before: Voice | None = None
        self._fallen: Fallen | None = None

    @property
    def now(self) -> Voice:
        """Who speaks."""
        return self._now

    @property
    def before(self) -> Voice | None:
        """Who spoke before, and could at once again."""
        return self._before

    @contextmanager
    def speaking(self) -> Iterator[Voice]:
        """Use the present voice for one batch; it is not let go of meanwhile."""
        with ExitStack() as using:
            with self._lock:
                voice = self._now
                using.enter_context(voice.used())
            yield voice

    def swap(self, voice: Voice) -> Voice | None:
        """Let ``voice`` speak from the next batch on, and keep the one before; return who goes for it."""
        with self._lock:
            gone, self._before, self._now = self._before, self._now, voice
            return None if gone is voice else gone

    def forget(self) -> Voice | None:
        """Keep the voice before no longer; return it."""
        with self._lock:
            gone, self._before = self._before, None
            return gone

    def step_back(self, broken: Voice, why: str) -> bool:
        """
        Let the voice before speak again in place of a broken one; say whether somebody else speaks now.

        Callable from any thread; whoever looks after the voices finds in ``fallen`` what happened.
        """
        with self._lock:
            if self._now is not broken:
                return True
            if self._before is None:
                return False
            self._now, self._before = self._before, None
            self._fallen = Fallen(broken, why)
            return True

    def fallen(self) -> Fallen | None:
        """Return who broke since the last call."""
        with self._lock:
            found, self._fallen = self._fallen, None
            return found
