"""What a model is trained on; every model is asked on the CPU, whatever trained it."""

from typing import NamedTuple

from training.encoder import DEFAULT


class Machine(NamedTuple):
    """Threads of the CPU, and device and encoder as ``groundswell train`` takes them."""

    threads: int = 1
    device: str = "cpu"
    encoder: str = DEFAULT
