"""
Syndication made on purpose: what outlets do to a wire story, and stories that only look alike.

Every choice comes from one seed. The texts are the project's own (the seed corpus and the sample stream).
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
OUTLETS = ("Harbour Wire", "Midday Ledger", "Northline News", "The Tally", "Quay Street Post")
PREFIXES = ("UPDATE 1-", "UPDATE 2-", "BREAKING: ", "CORRECTED-", "EXCLUSIVE-")
ADDED = ("officials", "on Monday", "in early trade", "sources", "in statement")
SWAPS = {
    "says": "reports", "wins": "secures", "big": "large", "plans": "intends", "firm": "company",
    "company": "firm", "shares": "stock", "stock": "shares", "new": "fresh", "after": "following",
    "deal": "agreement", "talks": "negotiations", "probe": "inquiry", "seeks": "wants",
    "warns": "cautions", "named": "appointed", "names": "appoints", "quarter": "three months",
}  # fmt: skip


class Text(NamedTuple):
    """A story as it stands with one outlet."""

    title: str
    body: str
    source: str


def own_titles() -> list[str]:
    """Return the distinct texts of the seed corpus and of the sample that may be headlines."""
    files = [
        *sorted((ROOT / "training/corpus").glob("*.jsonl")),
        ROOT / "consumers/up/sample.jsonl",
    ]
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    texts = dict.fromkeys(str(row.get("text") or row["title"]) for row in rows)
    return [text for text in texts if 6 <= len(text.split()) <= 20]


def bodies(titles: Sequence[str], random: Random, sentences: int = 9) -> list[str]:
    """Make each title a body of its own: itself, then other texts of the corpus in a row."""
    return [". ".join([title, *random.sample(titles, sentences)]) + "." for title in titles]


def edited_title(text: Text, random: Random) -> Text:
    """Edit a title in one to three of the ways of outlets, and name another outlet."""
    title, outlet = text.title, random.choice(OUTLETS)
    for edit in random.sample(_EDITS, random.randint(1, 3)):
        title = edit(title, outlet, random)
    return Text(title, text.body, outlet)


def edited_body(text: Text, random: Random, share: float = 0.15) -> Text:
    """Change ``share`` of the body's words: cut an end, insert a passage, or replace single words."""
    words = text.body.split()
    count = max(1, int(share * len(words)))
    match random.randrange(4):
        case 0:
            words = words[:-count]
        case 1:
            words = ["Editor:", "what", "follows", "was", "added", *words[:count], *words]
        case 2:
            at = random.randrange(len(words))
            words[at:at] = [f"inserted{random.randrange(10**6)}" for _ in range(count)]
        case _:
            for at in random.sample(range(len(words)), count):
                words[at] = f"other{random.randrange(10**6)}"
    return Text(text.title, " ".join(words), text.source)


def other_length(text: Text, random: Random) -> Text:
    """Keep the first third to two thirds of the body: the short version for another outlet."""
    words = text.body.split()
    keep = int(len(words) * random.uniform(0.35, 0.7))
    return Text(text.title, " ".join(words[:keep]), random.choice(OUTLETS))


def _outlet_behind(title: str, outlet: str, random: Random) -> str:
    return title + random.choice((" - {}", " ({})", " | {}", " — {}")).format(outlet)


def _update(title: str, outlet: str, random: Random) -> str:
    return random.choice(PREFIXES) + title


def _synonym(title: str, outlet: str, random: Random) -> str:
    words = title.split()
    places = [n for n, word in enumerate(words) if word in SWAPS]
    if places:
        at = random.choice(places)
        words[at] = SWAPS[words[at]]
    return " ".join(words)


def _added(title: str, outlet: str, random: Random) -> str:
    return f"{title.rstrip('.')}, {random.choice(ADDED)}"


def _shortened(title: str, outlet: str, random: Random) -> str:
    """Cut the last words, one in six of them."""
    words = title.split()
    return " ".join(words[: -max(1, len(words) // 6)])


def _title_case(title: str, outlet: str, random: Random) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in title.split())


def _louder(title: str, outlet: str, random: Random) -> str:
    return title.upper()


_EDITS: list[Callable[[str, str, Random], str]] = [
    _outlet_behind,
    _update,
    _synonym,
    _added,
    _shortened,
    _title_case,
    _louder,
]
