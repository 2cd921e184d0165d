"""What `count` remembers of the partitions that it owns."""

from dataclasses import dataclass

from consumers.counts.core.state import PartitionState
from consumers.ports import Bounds


@dataclass
class Share:
    """An owned partition: what the store holds of it, and the state to go on from."""

    bounds: Bounds
    held: PartitionState | None
    state: PartitionState
    compared: float


@dataclass
class Absent:
    """An owned partition that the store has not answered for; tried again at ``due``."""

    bounds: Bounds
    due: float
    attempt: int = 0
