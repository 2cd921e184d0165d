"""
The sample stream of `up`: written for this project, about companies that do not exist.

Rules: pure but for reading its own file; the same seed gives the same stream. The rate swings between
day and night, some stories come again as edited copies from other outlets, and one surge of bad news
about one borrower is injected. There are few calm texts, so each time one is drawn it is told of somebody
else or from another town: a story of its own. Idle talk comes again as it is. The stories of the surge
come one after the other over its whole length, each once as it stands; between them outlets copy the
newest, as happens to a story that all of them tell.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from random import Random
from string import ascii_uppercase
from typing import Final

import msgspec

from groundswell.events import Channel

DAY_SECONDS: Final = 60.0
"""A day of the sample stream passes in a minute, so that one sees it."""
_COPY_SHARE: Final = 0.15
_ON_TOP: Final = 0.5
"""The rate of the surge, of that of the stream."""
_REMEMBERED: Final = 40
_COPIED: Final = 8
"""Stories of the surge that are still copied: the newest."""
_SYLLABLES: Final = (
    ("Ar", "Bel", "Cor", "Dun", "El", "Fen", "Gar", "Hol", "Il", "Jor", "Kel", "Lor", "Mar", "Nor"),
    ("ba", "de", "fi", "go", "la", "me", "ni", "ro", "sa", "ta", "vi", "wo"),
    (
        "bury",
        "dale",
        "field",
        "gate",
        "ham",
        "mere",
        "mont",
        "stead",
        "ton",
        "vale",
        "wick",
        "worth",
    ),
)
"""What invented names are made of: some two thousand of them."""
_OUTLETS: Final = (
    "Harbour Wire",
    "Midday Ledger",
    "Northline News",
    "The Tally",
    "Quay Street Post",
)


class SampleText(msgspec.Struct, frozen=True):
    """
    A row of the sample file; ``surge`` rows stand in the injected surge only.

    ``about`` is the name in it that may be another's, a company's or a ticker's; "": none.
    """

    title: str
    source: str
    channel: Channel = "news"
    surge: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """
    An item to publish ``at`` seconds after the start.

    ``copy_of`` names the item that it copies, ``text`` is the sample's title that it was made of.
    """

    at: float
    id: str
    title: str
    source: str
    channel: Channel
    copy_of: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Surge:
    """The injected surge: from ``start`` to ``end`` seconds, bad news on top at half the rate."""

    start: float
    end: float


def load_texts() -> tuple[SampleText, ...]:
    """Read the sample texts that stand beside this module."""
    source = resources.files("consumers.up").joinpath("sample.jsonl").read_bytes()
    return tuple(msgspec.json.Decoder(SampleText).decode_lines(source))


def surge_for(seconds: float) -> Surge:
    """Place the surge: in the middle third of a bounded run, else from second 20 to 50."""
    return Surge(seconds / 3, 2 * seconds / 3) if seconds else Surge(20.0, 50.0)


def rate_at(
    t: float, rate: float, surge: Surge, day: float = DAY_SECONDS, began: float = 0.0
) -> float:
    """
    Return the items per second at ``t``: a day's swing around ``rate``, and the surge on top.

    A day takes ``day`` seconds; at the start ``began`` seconds of it had passed.
    """
    swing = 1.0 + 0.5 * math.sin(2 * math.pi * (t + began) / day)
    return rate * (swing + (_ON_TOP if surge.start <= t < surge.end else 0.0))


def stream(
    texts: tuple[SampleText, ...],
    rate: float,
    surge: Surge,
    seed: int = 0,
    day: float = DAY_SECONDS,
    began: float = 0.0,
) -> Iterator[Planned]:
    """Yield an endless stream in order of time, with Poisson arrivals at ``rate_at``."""
    random, title = Random(seed), ""  # noqa: S311 - a sample stream protects nothing
    calm, bad = (
        _Deck([x for x in texts if not x.surge], random),
        _Deck([x for x in texts if x.surge], random),
    )
    recent: deque[tuple[str, SampleText, str]] = deque(maxlen=_REMEMBERED)
    surging: deque[tuple[str, SampleText, str]] = deque(maxlen=_COPIED)
    t, number = 0.0, 0
    while True:
        now_rate = rate_at(t, rate, surge, day, began)
        t += random.expovariate(now_rate)
        number += 1
        name, copied = f"sample-{seed}-{number}", ""
        if surge.start <= t < surge.end and random.random() < _ON_TOP * rate / now_rate:
            due = (t - surge.start) / (surge.end - surge.start) * bad.size
            if bad.drawn < due or not surging:
                text = bad.draw()
                title = text.title
                if text.channel == "news":
                    surging.append((name, text, title))
            else:
                copied, text, title = random.choice(surging)
                text = _copy(text, random)
        elif recent and random.random() < _COPY_SHARE:
            copied, text, title = random.choice(recent)
            text = _copy(text, random)
        else:
            drawn = calm.draw()
            text, title = _anew(drawn, random), drawn.title
            recent.append((name, text, title))
        yield Planned(t, name, text.title, text.source, text.channel, copied, title)


class _Deck:
    """Draws every text once, in random order, before any comes again."""

    def __init__(self, texts: list[SampleText], random: Random) -> None:
        self._texts, self._random, self._left = texts, random, list[SampleText]()
        self.size, self.drawn = len(texts), 0

    def draw(self) -> SampleText:
        self.drawn += 1
        if not self._left:
            self._left = self._random.sample(self._texts, len(self._texts))
        return self._left.pop()


def reworded(text: SampleText, random: Random) -> str:
    """Return the title of a text as the stream may tell it."""
    return _anew(text, random).title


def _anew(text: SampleText, random: Random) -> SampleText:
    """Tell a text of somebody else, or from another town."""
    title = text.title
    if text.about.startswith("$"):
        title = title.replace(text.about, "$" + "".join(random.choices(ascii_uppercase, k=4)))
    elif text.about:
        title = title.replace(text.about, _name(random))
    elif text.channel != "post":
        title = f"{_name(random)}: {title}"
    return msgspec.structs.replace(text, title=title)


def _name(random: Random) -> str:
    return "".join(random.choice(part) for part in _SYLLABLES)


def _copy(text: SampleText, random: Random) -> SampleText:
    """Edit a title the way outlets do with a wire story."""
    outlet = random.choice(_OUTLETS)
    title = random.choice(
        (
            f"{text.title} - {outlet}",
            f"UPDATE 1-{text.title}",
            f"{text.title} ({outlet})",
            text.title,
        )
    )
    return SampleText(title, outlet, text.channel)
