"""
Asking the model about a batch, whatever is in it: what `consume` and `classify` share.

Rules: a text on which the model fails is found by splitting its batch, and only it is refused; before
anything is refused the model must still read a text that it is known to read, else the model is what
is broken.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeVar

from consumers.news.ports import Labeller
from groundswell.errors import CannotContinue, Rejected
from groundswell.models.scores import Scores
from groundswell.models.session import ModelError
from groundswell.models.tokens import Row

T = TypeVar("T")

Reader: TypeAlias = Callable[[Scores, Sequence[Row]], Sequence[T]]
"""Says what the scores of some rows mean, row by row; what it makes of a broken row is not used."""


class Asking:
    """A model, and ``probe``, a text that it can read."""

    def __init__(self, model: Labeller, probe: str) -> None:
        self._model = model
        self._probe = model.encode([probe])

    def ask(self, rows: Sequence[Row], read: Reader[T]) -> list[T | Rejected]:
        """
        Return what ``read`` says of each row; a culprit's place holds ``Rejected`` (``model_failed``).

        Raises ``CannotContinue`` if the model fails on what it could read before.
        """
        out: list[T | Rejected] = []
        for part, scores in self._scores(rows):
            if isinstance(scores, ModelError):
                out.append(Rejected("model_failed", str(scores)[:300]))
                continue
            broken = Rejected("model_failed", "the model answered NaN or infinity")
            out.extend(
                broken if place in scores.broken else answer
                for place, answer in enumerate(read(scores, part))
            )
        if any(isinstance(answer, Rejected) for answer in out):
            self._check()
        return out

    def _scores(
        self, rows: Sequence[Row], *, again: bool = True
    ) -> Iterator[tuple[Sequence[Row], Scores | ModelError]]:
        """Yield the answers in order, in the largest parts that work; one row is tried twice."""
        try:
            scores = self._model.run(rows)
        except ModelError as error:
            if len(rows) > 1:
                half = len(rows) // 2
                yield from self._scores(rows[:half])
                yield from self._scores(rows[half:])
            elif again:
                yield from self._scores(rows, again=False)
            else:
                yield rows, error
        else:
            yield rows, scores

    def _check(self) -> None:
        try:
            broken = bool(self._model.run(self._probe).broken)
        except ModelError:
            broken = True
        if broken:
            raise CannotContinue(
                f"the model {self._model.manifest.id} fails on a golden text that it read at the start: "
                "nothing was refused; look at the device and its memory, then start again"
            )
