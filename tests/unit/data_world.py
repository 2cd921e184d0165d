"""Functions and rows for the tests of the data package."""

import json
from typing import Literal

from groundswell.tasks import Function, Input, Label
from training.data import Card
from training.data.rows import DataSet, read_sets
from training.functions import task_of


def task(name, *labels, output="single", field=None, **more):
    primary: Literal["entity_f1", "macro_f1"] = "entity_f1" if output == "tokens" else "macro_f1"
    return task_of(
        Function(
            name=name,
            version=1,
            description=name,
            field=field or name,
            output=output,
            primary=primary,
            labels=tuple(Label(name=label, description=label) for label in labels),
            **more,
        )
    )


TONE = task("sentiment", "negative", "neutral", "positive")
TOPICS = task("topics", "macro", "rates", "people", output="several")
NAMES = task("entities", "LOC", "ORG", "PER", output="tokens")
TARGET = task(
    "targeted",
    "negative",
    "neutral",
    "positive",
    field="sentiment",
    input=Input(fields=("entity", "text"), template="{entity} [SEP] {text}"),
)


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def data_set(folder, rows, *, name="a", **card) -> DataSet:
    path = write_rows(folder / f"{name}.jsonl", rows)
    (item,) = read_sets([path], [Card(name=name, **card)])
    return item
