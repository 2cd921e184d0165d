"""
What to compute on: device, threads and precision, measured rather than guessed.

Two threads are often slower than one on a busy machine, and bf16 is many times slower on a CPU without
instructions for it; so a step is timed before either is chosen.
"""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from training.cpu import quickened
from training.encode import Tokens, pad
from training.model import OpinionModel


@dataclass(frozen=True, slots=True)
class Hardware:
    """The choice: a torch device name, CPU threads, and ``fp32`` or ``bf16``."""

    device: str
    threads: int
    precision: str


def repeatable() -> None:
    """Let torch compute the same step to the same bits every time, wherever it can."""
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    # Else every new tensor is first filled with NaN, a tenth of a step; nothing here reads what it did not write.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # Seen on a GPU: cuDNN's attention goes backward in another order each time, and only warns.
    torch.backends.cuda.enable_cudnn_sdp(enabled=False)


def autocast(hardware: Hardware) -> AbstractContextManager[object]:
    """Return the context in which the forward pass runs."""
    return torch.autocast(
        hardware.device, dtype=torch.bfloat16, enabled=hardware.precision == "bf16"
    )


def choose(
    model: OpinionModel, *, device: str, threads: int, precision: str, cpu_flags: frozenset[str]
) -> Hardware:
    """
    Fill in what was left open: device ``auto``, ``threads`` 0, precision ``auto``.

    Times two steps of each candidate; leaves the weights and the random state as they were.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device != "cpu":
        return Hardware(device, threads or 1, "bf16" if precision == "auto" else precision)
    counts = [threads] if threads else sorted({1, len(os.sched_getaffinity(0))})
    fast_bf16 = not cpu_flags.isdisjoint({"avx512_bf16", "amx_bf16"})
    precisions = [precision] if precision != "auto" else ["fp32", *(["bf16"] if fast_bf16 else [])]
    candidates = [Hardware(device, count, kind) for kind in precisions for count in counts]
    if len(candidates) == 1:
        best = candidates[0]
    else:
        best = min(candidates, key=lambda candidate: seconds_a_step(model, candidate))
    torch.set_num_threads(best.threads)
    return best


def seconds_a_step(
    model: OpinionModel,
    hardware: Hardware,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Time a forward and backward pass of 32 texts of 32 tokens: the better of two after a warm-up."""
    torch.set_num_threads(hardware.threads)
    inputs = pad([Tokens([1] * 32, [0] * 32, ()) for _ in range(32)])
    taken = []
    with torch.random.fork_rng(devices=[]), quickened(model, on=hardware.device == "cpu"):
        model.train()
        for _ in range(3):
            start = clock()
            with autocast(hardware):
                outputs = model(**inputs)
                loss = torch.stack([outputs[head].float().sum() for head in model.heads]).sum()
            loss.backward()
            taken.append(clock() - start)
    model.zero_grad(set_to_none=True)
    return min(taken[1:])


def read_cpu_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the CPU's feature flags; empty where the system does not tell."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        if line.startswith(("flags", "Features")):
            return frozenset(line.partition(":")[2].split())
    return frozenset()
