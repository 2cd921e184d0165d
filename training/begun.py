"""Where a run starts that begins neither with files nor with a bare encoder: a refresh of an earlier model."""

from collections.abc import Callable
from dataclasses import dataclass, field

from training.encoder import Encoder
from training.hardware import Hardware
from training.losses import Encoded
from training.material import Material
from training.model import OpinionModel


def _as_it_is(train: Encoded, _: Hardware) -> Encoded:
    return train


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """
    The prepared rows and the encoder's files; ``model`` holds the weights to begin with (None: fresh heads).

    ``taught`` may add to the training rows what an earlier model says of them.
    """

    material: Material
    encoder: Encoder
    model: OpinionModel | None = None
    taught: Callable[[Encoded, Hardware], Encoded] = field(default=_as_it_is)
