"""
The public sets, as files that ``groundswell train`` reads: ``NAME.PART.jsonl`` with its card beside it.

Rules: a set without a published split is dealt by cluster of near-duplicates, always alike (seed 1); a
text of any test part stands in no training or dev part of another set; everything lies in the work
folder, and no row of a public set is ever part of the project. The seed corpus trains sentiment and names
(its topics are others than the public set's).
"""

import hashlib
import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from groundswell.text import compose
from tests.bench import texts
from training.data import label_rows, label_values, read_sets, split_examples
from training.data.cards import Card
from training.data.neighbours import words_of
from training.functions import choose_tasks, derive

Fields: TypeAlias = dict[str, Any]
Parts: TypeAlias = dict[str, list[Fields]]

CORPUS: Final = texts.ROOT / "training" / "corpus"
SEED: Final = 1
"""Of the split, which is the same for every seed of the training."""
DEV_OF_CONLL: Final = 500
DEV_OF_FINER: Final = 16
"""Every so many-th sentence of FiNER's training part."""
_TELLING: Final = 3
"""Texts of fewer words may be alike by chance."""
_MARK: Final = "prepared.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """A public set: its file, the head that it trains or tests, and what its card says."""

    name: str
    file: str
    head: str
    source: str
    licence: str
    labelled: str
    test: float = 0.0
    dev: float = 0.0
    annotated: tuple[str, ...] = ()


PUBLIC: Final = {
    public.name: public
    for public in (
        Public(
            name="phrasebank",
            file="sentiment/financial_phrasebank.jsonl",
            head="sentiment",
            source="Malo et al. 2014, Financial PhraseBank",
            licence="CC BY-NC-SA 3.0",
            labelled="by 5 to 8 annotators a sentence",
            test=0.2,
            dev=0.05,
        ),
        Public(
            name="tweets",
            file="sentiment/twitter_financial_news.jsonl",
            head="sentiment",
            source="zeroshot/twitter-financial-news-sentiment",
            licence="MIT",
            labelled="bearish, bullish, neutral",
            test=0.2,
            dev=0.05,
        ),
        Public(
            name="sentfin",
            file="sentiment/sentfin_entities.jsonl",
            head="sentiment",
            source="Sinha et al. 2022, SEntFiN 1.0",
            licence="MIT",
            labelled="by entity; here the rows whose entities agree",
        ),
        Public(
            name="topics",
            file="topic/twitter_financial_topic.jsonl",
            head="topic",
            source="zeroshot/twitter-financial-news-topic",
            licence="MIT",
            labelled="20 topics",
            test=0.15,
            dev=0.03,
        ),
        Public(
            name="conll",
            file="ner/conll2003.jsonl",
            head="entities",
            source="Tjong Kim Sang & De Meulder 2003",
            licence="research only",
            labelled="as published",
        ),
        Public(
            name="finer",
            file="ner/finer_ord.jsonl",
            head="entities",
            source="Shah et al. 2023, FiNER-ORD",
            licence="CC BY-NC 4.0",
            labelled="as published; no MISC",
            annotated=("PER", "ORG", "LOC"),
        ),
    )
}
LICENCES: Final = tuple(dict.fromkeys(public.licence for public in PUBLIC.values()))
"""What a run of the benchmark allows."""
TRAINED: Final = ("phrasebank", "tweets", "topics", "conll", "finer")


def part(work: Path, name: str, which: str) -> Path:
    """Return where a part of a set lies."""
    return work / "data" / f"{name}.{which}.jsonl"


def prepare(data: Path, work: Path, rows: int = 0) -> None:
    """Write all parts, unless they are there; ``rows`` > 0 keeps so many of each set (or of its parts)."""
    mark = work / _MARK
    corpus = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(CORPUS.glob("*.jsonl"))
    }
    wanted = {"rows": rows, "corpus": corpus}
    was = json.loads(mark.read_text(encoding="utf-8")) if mark.exists() else wanted
    if was["rows"] != rows:
        sys.exit(f"{work}: was prepared with --rows {was['rows']}; give that, or another --work")
    if mark.exists() and was == wanted:
        return
    missing = [str(data / p.file) for p in PUBLIC.values() if not (data / p.file).is_file()]
    if missing:
        sys.exit(
            f"not measured, the data are not here: {', '.join(missing)} "
            "(set GROUNDSWELL_DATA, or give --data-dir)"
        )
    (work / "data").mkdir(parents=True, exist_ok=True)
    sets = {name: _parts(public, data / public.file, rows) for name, public in PUBLIC.items()}
    sets["corpus"] = {"train": list(_corpus(rows))}
    for name, gone in _without_tests(sets).items():
        print(f"{name}: {gone} rows left out, their text is tested in another set", file=sys.stderr)
    for name, parts in sets.items():
        for which, found in parts.items():
            _write(work, name, which, found)
        counts = ", ".join(f"{len(found)} {which}" for which, found in parts.items())
        print(f"{name}: {counts}", file=sys.stderr)
    mark.write_text(json.dumps(wanted), encoding="utf-8")


def _parts(public: Public, path: Path, limit: int) -> Parts:
    read: Callable[[Sequence[Fields], int], Parts] | None = {
        "sentfin": _sentfin,
        "conll": _conll,
        "finer": _finer,
    }.get(public.name)
    if read is not None:
        lines = path.read_text(encoding="utf-8").splitlines()
        return read([json.loads(line) for line in lines], limit)
    # A set of whole texts: labelled and dealt as the product does it.
    sets = read_sets([path], [Card(name=public.name, for_=path.name, licence=public.licence)])
    values = label_values(sets)
    wanted = "topic=derive" if public.head == "topic" else public.head
    examples = label_rows(sets, choose_tasks([wanted], values)).examples
    if 0 < limit < len(examples):
        # The files are sorted by label.
        examples = tuple(random.Random(0).sample(examples, limit))
    dealt = split_examples(examples, dev=public.dev, test=public.test, seed=SEED).parts
    names = _short(values["topic"]) if public.head == "topic" else {}
    return {
        which: [
            {**e.fields, public.head: names.get(e.fields[public.head], e.fields[public.head])}
            for e in found
        ]
        for which, found in dealt.items()
    }


def _short(labels: Iterable[str]) -> Mapping[str, str]:
    """Map each label of the data to the name that ``derive`` gives it."""
    task = derive("topic", labels)
    return {label: task.function.label_names[place] for label, place in task.index.items()}


def _sentfin(rows: Sequence[Fields], limit: int) -> Parts:
    agreed = [
        {"text": row["text"], "sentiment": next(iter(labels))}
        for row in rows
        if len(labels := set(row["entities"].values())) == 1
    ]
    return {"test": agreed[: limit or None]}


def _conll(rows: Sequence[Fields], limit: int) -> Parts:
    parts = _published(rows, limit)
    draw = random.Random(0)
    dev = parts["testa"]
    return {
        "train": parts["train"],
        "dev": draw.sample(dev, min(len(dev), DEV_OF_CONLL)),
        "test": parts["testb"],
    }


def _finer(rows: Sequence[Fields], limit: int) -> Parts:
    parts = _published(rows, limit)
    train = parts["train"]
    return {
        "train": [row for place, row in enumerate(train) if place % DEV_OF_FINER],
        "dev": train[::DEV_OF_FINER],
        "test": parts["val"],
    }


def _published(rows: Sequence[Fields], limit: int) -> Parts:
    parts: Parts = {}
    for row in rows:
        kept = {"tokens": row["tokens"], "tags": row["tags"]}
        parts.setdefault(row["split"], []).append(kept)
    return {which: found[: limit or None] for which, found in parts.items()}


def _corpus(limit: int) -> Iterator[Fields]:
    rows = [
        json.loads(line)
        for path in sorted(CORPUS.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    for row in rows[: limit or None]:
        yield {name: row[name] for name in ("text", "sentiment", "entities") if name in row}


def text_of(row: Fields) -> str:
    """Return the text of a row, as the model reads it."""
    return compose(row.get("text") or " ".join(row.get("tokens", ())), "", 2000)


def _without_tests(sets: dict[str, Parts]) -> dict[str, int]:
    """Take out of training and dev what another set tests; returns how many rows of each set."""
    tested: dict[tuple[str, ...], set[str]] = {}
    for name, parts in sets.items():
        for row in parts.get("test", ()):
            words = tuple(words_of(text_of(row)))
            if len(words) >= _TELLING:
                tested.setdefault(words, set()).add(name)
    gone: dict[str, int] = {}
    for name, parts in sets.items():
        for which in parts.keys() - {"test"}:
            kept = [
                row
                for row in parts[which]
                if not tested.get(tuple(words_of(text_of(row))), set()) - {name}
            ]
            if len(kept) < len(parts[which]):
                gone[name] = gone.get(name, 0) + len(parts[which]) - len(kept)
            parts[which] = kept
    return gone


def _write(work: Path, name: str, which: str, rows: Iterable[Fields]) -> None:
    path = part(work, name, which)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")
    public = PUBLIC.get(name)
    card: Fields = {"name": name, "source": "written for this project", "licence": "Apache-2.0"}
    if public is not None:
        card |= {"source": public.source, "licence": public.licence, "labelled": public.labelled}
    if public is not None and public.annotated:
        card["annotated"] = {public.head: list(public.annotated)}
    # JSON is YAML.
    path.with_name(f"{path.name}.card.yaml").write_text(
        json.dumps(card | {"languages": ["en"]}), encoding="utf-8"
    )
