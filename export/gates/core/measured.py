"""What is measured of a bundle, for the gates to decide on. Shares and scores are between 0 and 1."""

from collections.abc import Mapping
from typing import NamedTuple


class Gold(NamedTuple):
    """The gold rows of a head: how many of each label, and how many resemble a training row (None: unknown)."""

    head: str
    rows: int
    of_label: Mapping[str, int]
    near: int | None


class Beaten(NamedTuple):
    """A head's score and TF-IDF's on the rows that the trainer held out."""

    head: str
    rows: int
    ours: float
    tfidf: float


class Compared(NamedTuple):
    """
    A head beside the champion's on the gold rows; differences are this one's minus the champion's.

    ``low`` is the lower bound of the difference at the ``error`` that the look may make; ``better`` and
    ``worse`` count the rows that only one of them got right, ``p`` is McNemar's of them.
    """

    head: str
    metric: str
    rows: int
    difference: float
    low: float
    error: float
    better: int
    worse: int
    p: float


class Part(NamedTuple):
    """A slice of the gold rows of a head: the rows that only one of the two models got right."""

    head: str
    name: str
    rows: int
    better: int
    worse: int


class Churn(NamedTuple):
    """Texts to which a head gives other labels than the champion's."""

    head: str
    texts: int
    other: int
    source: str


class Sureness(NamedTuple):
    """A head's expected calibration error as served, and the champion's on the same rows."""

    head: str
    rows: int
    ece: float
    champion: float | None


class Tried(NamedTuple):
    """
    A behavioural test of a head: texts that it changed, and the answers that were against it.

    ``kind`` is invariance or direction; ``whole`` says that the head speaks of whole texts.
    """

    head: str
    name: str
    kind: str
    whole: bool
    tried: int
    failures: int


class Cost(NamedTuple):
    """What one text costs in a process of its own: the median of its milliseconds of CPU, and peak memory."""

    milliseconds: float
    megabytes: float | None
