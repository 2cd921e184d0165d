"""For the gates: the old rows that were always held out, as a gold set where none is given; and what was learnt."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from training.examples import Example, Spans
from training.functions import Task
from training.material import Material
from training.refresh.journal import replace

FILE: Final = "held-out.jsonl"
SEEN: Final = "seen.jsonl"


def write_gold(path: Path, old: Material) -> int:
    """
    Write the old test rows with a card; returns how many.

    The split of the old rows never changes, so the file is the same in every refresh, and each look of the
    gates at it is counted.
    """
    rows = [_row(example, old.tasks) for example in old.split.test]
    replace(path, b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    licences = sorted({item.card.licence for item in old.sets})
    card = {"name": path.stem, "licence": licences[0] if len(licences) == 1 else "several"}
    replace(path.with_name(f"{path.name}.card.yaml"), msgspec.yaml.encode(card))
    return len(rows)


def write_seen(path: Path, material: Material) -> None:
    """Write the rows that a run learnt from or chose its best step by, to look for gold rows like them."""
    split = material.split
    rows = [_row(example, material.tasks) for example in (*split.train, *split.dev)]
    replace(path, b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def _row(example: Example, tasks: Sequence[Task]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": f"{example.source}/{example.id}"}
    texts = {
        name: example.fields[name]
        for name in ("text", "title", "body", "entity")
        if example.fields.get(name)
    }
    row |= texts or {"text": example.text}
    for task, truth in zip(tasks, example.truths, strict=True):
        names = task.function.label_names
        if isinstance(truth, int):
            row[task.function.field] = names[truth]
        elif isinstance(truth, frozenset):
            row[task.function.field] = [names[place] for place in sorted(truth)]
        elif isinstance(truth, Spans) and row.get("text", "") in {"", example.text}:
            row["text"] = example.text
            row[task.function.field] = [
                {
                    "text": example.text[span.start : span.end],
                    "type": span.label,
                    "start": span.start,
                    "end": span.end,
                }
                for span in truth.spans
            ]
    return row
