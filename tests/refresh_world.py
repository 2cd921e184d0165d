"""A refresh in small: a champion on a tiny encoder, and feedback that teaches it a word it did not know."""

import random
from pathlib import Path

from rich.console import Console

from export.gates.core.limits import Limits
from export.make import make_bundle
from groundswell.models.registry.memory import MemoryObjects
from groundswell.models.registry.registry import Registry
from training.data.cards import ALLOWED
from training.material import Sources
from training.refresh.core.reasons import Policy
from training.refresh.core.votes import Vote, settle
from training.refresh.job import Job
from training.refresh.steps import Wanted
from training.refresh.warm import How

NEW_WORDS = ("bab", "dek", "fim")
"""Of the vocabulary, and of no label in the champion's rows: in the news they stand for something bad."""
FILL = ("company", "said", "today", "shares", "the", "of", "in", "north", "south", "group")
NOISE = tuple(a + b for a in "gklmnpr" for b in ("ol", "ut", "ys"))
QUIET = Console(quiet=True)
LOOSE = Limits(
    margin=0.05,
    churn=1.0,
    ece=1.0,
    ece_worse=1.0,
    flips=1.0,
    directions_worse=1.0,
    label_rows=5,
    slice_margin=1.0,
    slower=50.0,
    larger=50.0,
    licences=frozenset(ALLOWED),
)
"""What such a small model can stand: these tests are about the loop, the gates have their own."""


class Ticks:
    """A clock that the test moves."""

    def __init__(self, ms=1_790_000_000_000):
        self.now = ms

    def ms(self):
        return self.now

    def text(self):
        return f"2026-01-01T00:00:{self.now // 1000 % 60:02d}Z"


def news(count, seed=0):
    """Items that hang on one of the new words."""
    draw = random.Random(seed)
    items = []
    for number in range(count):
        words = [draw.choice(NEW_WORDS), *draw.sample(FILL, 3), *draw.sample(NOISE, 4)]
        draw.shuffle(words)
        items.append({"id": f"n{number}", "source": "wire", "title": " ".join(words)})
    return items


def votes(items, label="negative", actor="ann"):
    return [Vote(item["id"], "sentiment", label, actor, 1000 + n) for n, item in enumerate(items)]


def champion(checkpoint: Path, folder: Path, registry, precisions=("fp32",)):
    """Export the checkpoint and make it champion."""
    made = folder / "first"
    make_bundle(
        checkpoint,
        made,
        name="tiny",
        precisions=precisions,
        created_at="2025-12-01T00:00:00Z",
        console=QUIET,
    )
    version = registry.publish(made)
    registry.promote(version, None, reason="the first", force=True)
    return version


def registry_of():
    return Registry(MemoryObjects())


def job_of(folder, registry, checkpoint, files, said, *, clock=None, **changes):
    data, items = files
    wanted = Wanted(
        name="tiny",
        sources=Sources(data=(str(data),), functions=("sentiment", "topic=derive")),
        items=(str(items),),
        how=How(
            recipe={"epochs": 6, "learning_rate": 3e-3, "batch": 16, "freeze": "none"},
            device="cpu",
            threads=1,
            precision="fp32",
            **changes.pop("how", {}),
        ),
        precisions=("fp32",),
        limits=LOOSE,
        **changes.pop("wanted", {}),
    )
    return Job(
        folder=folder,
        registry=registry,
        settled=settle(said, trusted=("ann",)),
        wanted=wanted,
        policy=changes.pop("policy", Policy(least_labels=20)),
        clock=clock or Ticks(),
        console=changes.pop("console", QUIET),
        checkpoint=checkpoint,
        **changes,
    )
