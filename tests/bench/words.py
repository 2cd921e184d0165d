"""
`python -m tests.bench.words`: what it costs `consume` to say which words made a text negative.

The same headlines are encoded and labelled with and without, in turn, on one thread; CPU seconds, so that
other programs on the machine change little. Prints the ratio with the range over the rounds.
"""

import statistics
import sys
import time
from typing import Any

from consumers.news.labels import HEADS, Labelling, Labels
from groundswell.errors import Rejected
from groundswell.models.session import Model, load
from groundswell.settings import Settings
from tests.bench import texts

ROUNDS = 9
TEXTS = 600
BATCH = 16


def seconds(model: Model, labelling: Labelling, batches: list[list[str]]) -> tuple[float, int]:
    """Encode and label every batch; return CPU seconds, and how many texts are negative."""
    began, said = time.process_time(), list[Labels | Rejected]()
    for batch in batches:
        said += labelling.label(model.encode(batch))
    spent = time.process_time() - began
    return spent, sum(isinstance(o, Labels) and o.sentiment.label == "negative" for o in said)


def main() -> dict[str, Any]:
    """Measure, and return the figures."""
    texts.need(texts.STREAM)
    found = [f"{title}. {body}"[:2000] for title, body in texts.mixed(TEXTS)]
    batches = [found[first : first + BATCH] for first in range(0, len(found), BATCH)]
    bundle = texts.ROOT / Settings().bundle
    models = {e: load(bundle, threads=1, heads=HEADS, explain=e) for e in (False, True)}
    labellings = {e: Labelling(model, "fraud") for e, model in models.items()}
    ratios, negative = [], 0
    for _ in range(ROUNDS):
        spent = {}
        for explain, model in models.items():
            spent[explain], negative = seconds(model, labellings[explain], batches)
        ratios.append(spent[True] / spent[False])
    return {
        "texts": len(found),
        "negative": negative,
        "ratio": round(statistics.median(ratios), 4),
        "range": [round(min(ratios), 4), round(max(ratios), 4)],
    }


if __name__ == "__main__":
    sys.stdout.write(f"{main()}\n")
