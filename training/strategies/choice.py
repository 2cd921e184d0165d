"""
Which rung of the ladder: by how many labelled rows a label has, and with the reason.

The limits were measured on Financial PhraseBank (``docs/ladder.md``): a rung is chosen where it was best
or within two points of it. LoRA was
nowhere the best by itself, so it is taken where it is asked for. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec
import numpy as np

from groundswell.errors import InputError
from groundswell.tasks import Function
from training.examples import Example, Spans
from training.recipe import Recipe

Strategy: TypeAlias = Literal["zero-shot", "few-shot", "lora", "full"]
STRATEGIES: Final[tuple[Strategy, ...]] = ("zero-shot", "few-shot", "lora", "full")

LADDER: Final[tuple[tuple[int, Strategy], ...]] = (
    (200, "full"),
    (1, "few-shot"),
    (0, "zero-shot"),
)
"""From so many labels a class on, this rung."""
_STEPS: Final = 400
"""A run of few rows makes at least about so many steps, within the limits of epochs."""
_EPOCHS: Final = (3, 24)


@dataclass(frozen=True, slots=True)
class Choice:
    """A rung, why it was taken, and the number of rows that it trains on."""

    name: Strategy
    reason: str
    rows: int

    def settle(self, recipe: Recipe) -> Recipe:
        """
        Return the recipe with what was left open: the number of epochs (0) by that of the rows.

        Raises ``InputError`` for a recipe that the rung cannot follow.
        """
        if self.name == "lora" and recipe.fake_int8:
            raise InputError(
                f"fake_int8 {recipe.fake_int8} with strategy lora ({self.reason}): adapters would be rounded "
                "apart from the weights that they are merged into; use --strategy full or --set fake_int8=0"
            )
        if recipe.epochs:
            return recipe
        steps = max(1, -(-self.rows // recipe.batch))
        least, most = _EPOCHS
        return msgspec.structs.replace(recipe, epochs=min(most, max(least, -(-_STEPS // steps))))


def labels_per_class(function: Function, place: int, examples: Sequence[Example]) -> list[int]:
    """Return how many examples (or stretches, for tokens) each label has, in the order of the labels."""
    counts = dict.fromkeys(range(len(function.labels)), 0)
    names = {name: at for at, name in enumerate(function.label_names)}
    for example in examples:
        truth = example.truths[place]
        if isinstance(truth, Spans):
            found = [names[span.label] for span in truth.spans]
        elif truth is None:
            found = []
        else:
            found = [truth] if isinstance(truth, int) else list(truth)
        for at in found:
            counts[at] += 1
    return list(counts.values())


def pick(wanted: str, functions: Sequence[Function], examples: Sequence[Example]) -> Choice:
    """
    Return the rung: the one that is wanted, or for ``auto`` the one that its rows suggest.

    What counts is the median, over the labels that occur, of the task that has the fewest rows a label.
    Raises ``InputError`` for a rung that does not exist, or cannot do what is asked.
    """
    if wanted not in {"auto", *STRATEGIES}:
        raise InputError(f"--strategy {wanted}: must be auto, {', '.join(STRATEGIES)}")
    counts = {
        function.name: labels_per_class(function, place, examples)
        for place, function in enumerate(functions)
    }
    medians = {
        name: int(np.median([count for count in found if count] or [0]))
        for name, found in counts.items()
    }
    poorest = min(medians, key=lambda name: medians[name])
    least = medians[poorest]
    has = f"{poorest} has {least} labelled rows a label (the median)"
    missing = counts[poorest].count(0)
    if least and missing:
        has += f", and none for {missing} of its {len(counts[poorest])} labels"
    tokens = [function.name for function in functions if function.output == "tokens"]
    if wanted == "auto":
        name = next(rung for limit, rung in LADDER if least >= limit)
        why = has
        if tokens and name in {"zero-shot", "few-shot"} and examples:
            name, why = "full", f"{why}, and {', '.join(tokens)} can only be trained in full"
    else:
        name = next(rung for rung in STRATEGIES if rung == wanted)
        why = f"asked for; {has}"
    if tokens and name in {"zero-shot", "few-shot"}:
        raise InputError(
            f"--strategy {name}: {', '.join(tokens)} finds stretches of text, which needs rows to train "
            "on and --strategy lora or full; or leave it out with --function"
        )
    if name != "zero-shot" and not examples:
        raise InputError(f"--strategy {name} needs rows to train on: give --data")
    return Choice(name, why, len(examples))
