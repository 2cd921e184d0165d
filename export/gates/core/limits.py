"""The thresholds of the gates, in one place. Shares and scores are between 0 and 1."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked; the defaults are those of ``docs/gates.md``."""

    error: Share = 0.05
    """Chance that a challenger worse than the champion by more than ``margin`` ever passes, over all looks."""
    margin: Share = 0.01
    """A challenger may be worse by this much on the gold set, no more."""
    slice_margin: Share = 0.03
    slice_rows: int = 50
    """Smaller slices are not judged."""
    slice_error: Share = 0.05
    churn: Share = 0.08
    ece: Share = 0.10
    ece_worse: Share = 0.02
    """Than the champion's."""
    flips: Share = 0.02
    directions_worse: Share = 0.05
    parity: float = 1e-4
    agreement: Share = 0.985
    mean_dp: Share = 0.015
    entity_f1: Share = 0.95
    slower: float = 1.5
    """Times the champion's milliseconds for one text."""
    larger: float = 1.5
    """Times the champion's memory."""
    milliseconds: float | None = None
    """Of CPU for one text on one thread, on the machine that exports."""
    label_rows: int = 10
    """Rows of each label that a gold set must hold."""
    licences: frozenset[str] = frozenset()
    """On whose terms data may train the model."""


POWER: Final = 0.8
"""With which the smallest detectable difference is stated."""
