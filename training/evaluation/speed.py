"""How fast a model answers on this machine, now."""

from collections.abc import Callable, Sequence
from typing import Final

from training.evaluation.figures import Speed
from training.evaluation.predictors import Predictor

_TIMED: Final = 128
_ALONE: Final = 64
_WARM: Final = 8


def speed_of(predictor: Predictor, texts: Sequence[str], clock: Callable[[], float]) -> Speed:
    """Time the model on the first texts of the data (at least one), after a warm-up."""
    timed = list(texts[:_TIMED])
    predictor.answer(timed[:_WARM])
    began = clock()
    predictor.answer(timed)
    batched = clock() - began
    alone = []
    for text in timed[:_ALONE]:
        began = clock()
        predictor.answer([text])
        alone.append(clock() - began)
    return Speed(
        items=len(timed),
        items_per_second=len(timed) / max(batched, 1e-9),
        milliseconds_alone=1000 * sorted(alone)[len(alone) // 2],
    )
