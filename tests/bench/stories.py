"""
`python -m tests.bench.stories`: how well copies join their story, what merges wrongly, and what it costs.

Three parts: syndication injected into the project's own texts; public pairs of sentences
(`pairs/msrp.jsonl`) as a curve over the threshold; public headlines in order of time
(`stream/headlines_2017_2020.jsonl`), with copies injected beside them. The last two are skipped without
`--data` or GROUNDSWELL_DATA. Everything comes from one seed.
"""

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from consumers.adapters.memory_stories import MemoryStories
from consumers.news.core.alike import TITLE, likeness
from consumers.news.core.sketch import sketch_of
from consumers.news.core.stories import Told
from groundswell.events import Origin, millis
from tests.syndication import Text, bodies, edited_body, edited_title, other_length, own_titles

THRESHOLDS: Final = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
Edit = Callable[[Text, Random], Text]


def _same(text: Text, random: Random) -> Text:
    return text


def _both(text: Text, random: Random) -> Text:
    return edited_body(edited_title(text, random), random)


EDITS: Final[dict[str, tuple[Edit, bool]]] = {
    "headline alone: the same": (_same, False),
    "headline alone: edited": (edited_title, False),
    "with a body: the same": (_same, True),
    "with a body: headline edited": (edited_title, True),
    "with a body: ± 15 % of the body": (edited_body, True),
    "with a body: both": (_both, True),
    "with a body: another length": (other_length, True),
}


class Asked:
    """Stories in memory, asked one item after another; counts the seconds of both steps."""

    def __init__(self, kept: int = 200_000) -> None:
        self.stories = MemoryStories(24, kept)
        self.items = 0
        self.sketching = self.placing = 0.0

    def place(self, text: Text, at: int) -> tuple[str, str]:
        """Return the item's story, and how it was found."""
        began = time.process_time()
        sketch = sketch_of(text.title, text.body, text.source)
        sketched = time.process_time()
        origin = Origin(topic="n", partition=0, offset=self.items, after=self.items - 1)
        [place] = self.stories.place_now([Told(origin, at, sketch, ("all",), "neutral")])
        self.placing += time.process_time() - sketched
        self.sketching += sketched - began
        self.items += 1
        return place.story, place.why

    def cost(self) -> tuple[float, float]:
        """Return µs an item: of the sketch, and of finding its story in memory."""
        return self.sketching / self.items * 1e6, self.placing / self.items * 1e6


def injected(titles: Sequence[str], edit: Edit, *, with_body: bool, seed: int) -> dict[str, float]:
    """Ask about every text, then about an edited copy of each."""
    random = Random(seed)
    whole = bodies(titles, random) if with_body else [""] * len(titles)
    texts = [Text(t, b, "Harbour Wire") for t, b in zip(titles, whole, strict=True)]
    asked = Asked()
    first = [asked.place(text, n * 1000) for n, text in enumerate(texts)]
    found = [
        asked.place(edit(text, random), (n + len(texts)) * 1000) for n, text in enumerate(texts)
    ]
    sketch, place = asked.cost()
    return {
        "joined": sum(a == b for (a, _), (b, _) in zip(first, found, strict=True)) / len(texts),
        "merged": sum(why != "new" for _, why in first) / len(texts),
        "sketch": sketch,
        "place": place,
    }


def curve(rows: Iterable[dict[str, Any]]) -> list[tuple[float, float, float]]:
    """Return threshold, precision and recall over labelled pairs."""
    pairs = [(sketch_of(r["a"], ""), sketch_of(r["b"], ""), bool(r["label"])) for r in rows]
    points = []
    for threshold in THRESHOLDS:
        said = [(likeness(a, b, threshold).one, label) for a, b, label in pairs]
        hits = sum(one and label for one, label in said)
        points.append(
            (
                threshold,
                hits / max(1, sum(one for one, _ in said)),
                hits / max(1, sum(label for _, label in said)),
            )
        )
    return points


def headlines(rows: Sequence[dict[str, Any]], seed: int) -> tuple[Counter[str], float, int, Asked]:
    """Replay headlines with an edited copy of each tenth; return how stories were found and joined."""
    random, asked = Random(seed), Asked()
    found: Counter[str] = Counter()
    joined = copies = 0
    for n, row in enumerate(rows):
        at = _millis(str(row["published_at"]))
        text = Text(row["title"], row["summary"] or "", row["source"])
        story, why = asked.place(text, at)
        found[why] += 1
        if n % 10 == 0:
            copies += 1
            edit = _both if text.body else edited_title
            joined += asked.place(edit(text, random), at)[0] == story
    return found, joined / max(1, copies), copies, asked


def _millis(published: str) -> int:
    moment = datetime.fromisoformat(published)
    return millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def read(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("GROUNDSWELL_DATA") or None)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console = Console(width=110)
    titles = own_titles()
    table = Table(
        "copies", "join", "merged", "µs sketch", "µs place", title=f"{len(titles):,} own texts"
    )
    for name, (edit, with_body) in EDITS.items():
        got = injected(titles, edit, with_body=with_body, seed=options.seed)
        table.add_row(
            name,
            f"{got['joined']:.1%}",
            f"{got['merged']:.2%}",
            f"{got['sketch']:.0f}",
            f"{got['place']:.0f}",
        )
    console.print(table)
    if options.data is None:
        console.print("the rest is skipped: name the folder of data by --data or GROUNDSWELL_DATA")
        return
    table = Table("threshold", "precision", "recall", title="pairs of sentences")
    for threshold, precision, recall in curve(read(options.data / "pairs" / "msrp.jsonl")):
        mark = " (ours)" if threshold == TITLE else ""
        table.add_row(f"{threshold}{mark}", f"{precision:.1%}", f"{recall:.1%}")
    console.print(table)
    rows = read(options.data / "stream" / "headlines_2017_2020.jsonl")
    found, joined, copies, asked = headlines(rows, options.seed)
    sketch, place = asked.cost()
    console.print(
        f"{len(rows):,} headlines of 2017–2020, found as {dict(found)}; of {copies:,} injected copies "
        f"{joined:.1%} joined; {sketch:.0f} + {place:.0f} µs an item"
    )


if __name__ == "__main__":
    main()
