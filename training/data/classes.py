"""Labels per class: what a head can learn from, and what it cannot."""

from collections import Counter
from collections.abc import Iterable, Sequence

from groundswell.errors import InputError
from training.examples import Example, Spans
from training.functions import Task


def count_labels(examples: Iterable[Example], tasks: Sequence[Task]) -> dict[str, dict[str, int]]:
    """Return for each task how many examples bear each of its labels; of stretches, how many there are."""
    counts: list[Counter[str]] = [Counter() for _ in tasks]
    for example in examples:
        for place, truth in enumerate(example.truths):
            names = tasks[place].function.label_names
            if isinstance(truth, Spans):
                counts[place].update(span.label for span in truth.spans)
            elif isinstance(truth, frozenset):
                counts[place].update(names[label] for label in truth)
            elif truth is not None:
                counts[place][names[truth]] += 1
    return {
        task.name: {name: counts[place][name] for name in task.function.label_names}
        for place, task in enumerate(tasks)
    }


def check_classes(train: Iterable[Example], tasks: Sequence[Task]) -> list[str]:
    """
    Return a warning for each task with labels that no training row bears.

    Raises ``InputError`` where there is nothing to tell apart: fewer than two labels of a choice, or none
    at all of another kind of task.
    """
    warnings = []
    for name, counts in count_labels(train, tasks).items():
        output = next(task.function.output for task in tasks if task.name == name)
        there = [label for label, count in counts.items() if count]
        least = 2 if output in {"single", "ordered"} else 1
        if len(there) < least:
            raise InputError(
                f"{name}: the training rows hold {' and '.join(there) or 'no label'} alone; "
                f"give rows of at least {least} of its labels: {', '.join(counts)}"
            )
        if empty := [label for label, count in counts.items() if not count]:
            warnings.append(
                f"{name}: no training row bears {', '.join(empty)}; the model will not learn to say it"
            )
    return warnings
