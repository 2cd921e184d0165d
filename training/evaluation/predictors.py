"""
What an evaluation asks: a model that reads texts, whether it is a checkpoint or a bundle.

Rule: logits come as the graph gives them; temperature and threshold stand beside, for they are part of
what is served and are judged apart.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from groundswell.tasks import Function
from training.evaluation.entities import Units
from training.evaluation.judged import Floats
from training.examples import Example

Logits: TypeAlias = npt.NDArray[np.float32]
BATCH = 32
EXPLAINED = "sentiment"
"""The head whose contributions a model gives; where it is absent, the first that reads whole texts."""
CONTRIBUTIONS = "contributions"


@dataclass(frozen=True, slots=True)
class Asked:
    """A head of the model: its function, and what is served with it."""

    function: Function
    temperature: float = 1.0
    threshold: float = 0.5
    """Of a head of several labels: the probability from which a label is given."""


@dataclass(frozen=True, slots=True)
class Answers:
    """
    What a model said of texts, in their order.

    ``sentences`` holds [texts, outputs] of each head of whole texts, ``tokens`` of each token head a
    [words, outputs] a text, ``words`` where those words stand. ``contributions`` is a [words, labels] a
    text, and empty unless it was asked for.
    """

    sentences: Mapping[str, Logits]
    tokens: Mapping[str, list[Logits]]
    words: list[Units]
    contributions: list[Floats] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class About:
    """
    What a report says of a model: where it came from, and what it weighs.

    ``files`` are the bytes of what a consumer loads, by file; ``data`` the SHA-256 of what it was
    trained on, by name; ``command`` made it, where that is known.
    """

    name: str
    kind: str
    precision: str
    threads: int
    files: Mapping[str, int]
    data: Mapping[str, str]
    command: str = ""
    notes: tuple[str, ...] = ()


class Predictor(Protocol):
    """A model that can be asked."""

    @property
    def about(self) -> About:
        """What it is."""
        ...

    @property
    def heads(self) -> Mapping[str, Asked]:
        """Its heads by name."""
        ...

    @property
    def max_chars(self) -> int:
        """Characters of a text that it reads."""
        ...

    @property
    def explains(self) -> str:
        """The head that it explains; "" if none."""
        ...

    def answer(self, texts: Sequence[str], *, explain: bool = False) -> Answers:
        """Return what it says of ``texts``; with ``explain`` the contributions as well."""
        ...


class Read(NamedTuple):
    """A text as a model reads it: the number of tokens, and of each word the first token and place."""

    length: int
    firsts: Sequence[int]
    words: Units


Run: TypeAlias = Callable[[list[int], list[str]], list[npt.NDArray[Any]]]
"""From the places of a batch and the names of outputs to those outputs."""


def collect(heads: Mapping[str, Asked], reads: Sequence[Read], run: Run, explained: str) -> Answers:
    """Ask a model batch by batch, texts of like length together; ``explained`` "" leaves it out."""
    widths = {name: len(head.function.outputs) for name, head in heads.items()}
    of_tokens = [name for name, head in heads.items() if head.function.output == "tokens"]
    of_texts = [name for name in heads if name not in of_tokens]
    sentences = {n: np.zeros((len(reads), widths[n]), dtype=np.float32) for n in of_texts}
    tokens: dict[str, list[Logits]] = {
        n: [np.zeros((0, widths[n]), dtype=np.float32)] * len(reads) for n in of_tokens
    }
    contributions: list[Floats] = []
    if explained:
        contributions = [np.zeros((0, widths[explained]))] * len(reads)
    wanted = [*of_texts, *of_tokens, *([CONTRIBUTIONS] if explained else [])]
    for places in _batches([read.length for read in reads]):
        said = dict(zip(wanted, run(places, wanted), strict=True))
        for name in of_texts:
            sentences[name][places] = said[name]
        for line, place in enumerate(places):
            firsts = list(reads[place].firsts)
            for name in of_tokens:
                tokens[name][place] = said[name][line, firsts].astype(np.float32)
            if explained and firsts:
                # What comes before the first word and after the last are special tokens.
                part = said[CONTRIBUTIONS][line, : reads[place].length - 1].astype(np.float64)
                contributions[place] = np.add.reduceat(part, firsts, axis=0)
    return Answers(sentences, tokens, [read.words for read in reads], contributions)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def explained_of(heads: Mapping[str, Asked]) -> str:
    """Return the name of the head that a model explains; "" if none reads whole texts."""
    names = [name for name, head in heads.items() if head.function.output != "tokens"]
    return EXPLAINED if EXPLAINED in names else next(iter(names), "")


@dataclass(frozen=True, slots=True)
class Material:
    """
    What there is to measure with.

    ``heads`` are in the order of the examples' truths. ``answers`` are the model's to ``examples``,
    ``other`` those of the model that it is compared with. ``train`` holds what it was trained on, with
    truths in the same order, or nothing. ``most`` bounds the texts that a test may ask about.
    """

    predictor: Predictor
    heads: tuple[Asked, ...]
    examples: tuple[Example, ...]
    answers: Answers
    other: tuple[Predictor, Answers] | None = None
    train: tuple[Example, ...] = ()
    most: int = 300
