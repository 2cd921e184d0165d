"""The values that a report holds: what was measured of a head, and of the whole."""

from collections.abc import Mapping

import msgspec

from groundswell.tasks import Output
from training.evaluation.behaviour import Behaviour
from training.evaluation.bootstrap import Estimate, Estimates, Paired
from training.evaluation.calibration import Calibration
from training.evaluation.coverage import Coverage
from training.evaluation.entities import ByToken
from training.evaluation.faithfulness import Faithfulness
from training.evaluation.predictors import About
from training.evaluation.slices import Slices


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """
    Another model on the same rows; ``paired`` is this one minus the other.

    ``agreement`` is the share of rows on which both say the same, right or wrong.
    """

    name: str
    scores: Estimates
    paired: Paired
    agreement: Estimate


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that have a near-duplicate among the training rows, and the others, each with its scores."""

    similar: float
    """The least similarity (Jaccard, of words and pairs of words) of near-duplicates."""
    near: int
    rows: int
    near_scores: Estimates | None
    other_scores: Estimates | None


class HeadFigures(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was measured of one head; ``None`` where a part does not apply, and ``notes`` say why.

    ``confusion[i][j]`` counts rows of label i that were given label j, for heads of one label. ``primary``
    names the function's metric (entity F1 is ``micro_f1``).
    """

    name: str
    output: Output
    labels: tuple[str, ...]
    primary: str
    scores: Estimates
    confusion: tuple[tuple[int, ...], ...] | None = None
    by_token: ByToken | None = None
    baseline: Comparison | None = None
    against: Comparison | None = None
    neighbours: Neighbours | None = None
    calibration: Calibration | None = None
    coverage: Coverage | None = None
    slices: Slices
    behaviour: tuple[Behaviour, ...] = ()
    faithfulness: Faithfulness | None = None
    notes: tuple[str, ...] = ()


class DataFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A data file of the evaluation."""

    name: str
    sha256: str
    licence: str
    rows: int


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """
    How fast the model was on this machine: ``items`` texts in batches, then one by one.

    Shared machines make it slower; compare only what was measured side by side.
    """

    items: int
    items_per_second: float
    milliseconds_alone: float
    """The median of one text at a time."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a report says; ``bytes`` is the size of what a consumer loads."""

    command: str
    model: About
    against: About | None
    data: tuple[DataFigures, ...]
    train_data: tuple[DataFigures, ...]
    rows: int
    judged: int
    heads: tuple[HeadFigures, ...]
    speed: Speed
    bytes: int
    notes: tuple[str, ...]
    pictures: Mapping[str, tuple[str, ...]] = {}
    """The names of the PNG files of each head."""
