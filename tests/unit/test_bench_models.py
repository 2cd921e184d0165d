"""The pure parts of the commands that measure models: what they deal, decode, draw and show."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra `train`")

from tests.bench.models import ladder, records, shipped, sources
from tests.bench.models.judge import spans_of
from training.data.neighbours import clusters
from training.data.rows import Row
from training.data.spans import raw_spans
from training.evaluation.entities import tags_of

WORDS = ("Profit", "Loss", "Sales", "Board", "Bank", "Order", "Plant", "Share")


@pytest.mark.parametrize(
    "tags",
    [
        ["B-ORG", "O", "B-PER", "I-PER", "O"],
        ["B-LOC", "B-LOC", "I-LOC", "B-ORG", "I-ORG"],
        ["O", "O", "O", "O", "O"],
    ],
)
def test_tags_to_stretches_and_back(tags):
    tokens = ["Nokia", "'s", "Ida", "Nyberg", "."]
    text = " ".join(tokens)
    row = Row("1", "f:1", {"text": text, "tokens": tokens, "tags": tags})
    spans = raw_spans(row, "entities") or []
    starts = [text.index(token) for token in tokens]
    units = [(start, start + len(token)) for start, token in zip(starts, tokens, strict=True)]
    assert tags_of(units, spans) == tags
    outputs = ["O", *sorted({tag for tag in tags if tag != "O"})]
    logits = np.array([[float(output == tag) for output in outputs] for tag in tags])
    assert list(spans_of(outputs, units, logits.astype(np.float32))) == spans


def test_prepared_parts_share_no_near_duplicate(tmp_path):
    data, work = tmp_path / "data", tmp_path / "work"
    _write_public(data)
    sources.prepare(data, work)
    for name in ("phrasebank", "tweets", "topics"):
        parts = {which: _texts(work, name, which) for which in ("train", "dev", "test")}
        assert all(parts.values())
        every = [(which, text) for which, texts in parts.items() for text in texts]
        part_of: dict[int, str] = {}
        for cluster, (which, _) in zip(clusters([t for _, t in every]), every, strict=True):
            assert part_of.setdefault(cluster, which) == which


def test_a_text_that_one_set_tests_is_not_trained_on_in_another(tmp_path):
    data, work = tmp_path / "data", tmp_path / "work"
    _write_public(data)
    tested = json.loads((data / sources.PUBLIC["sentfin"].file).read_text().splitlines()[0])
    path = data / sources.PUBLIC["conll"].file
    row = {"tokens": tested["text"].split(), "tags": ["O"] * len(tested["text"].split())}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row | {"split": "train"}) + "\n")
    sources.prepare(data, work)
    assert tested["text"] in _texts(work, "sentfin", "test")
    assert tested["text"] not in _texts(work, "conll", "train")
    assert len(_texts(work, "conll", "train")) == 4


def test_finer_is_marked_for_three_labels_only(tmp_path):
    _write_public(tmp_path / "data")
    sources.prepare(tmp_path / "data", tmp_path / "work")
    path = sources.part(tmp_path / "work", "finer", "train")
    card = json.loads(path.with_name(f"{path.name}.card.yaml").read_text())
    assert card["annotated"] == {"entities": ["PER", "ORG", "LOC"]}


def test_absent_data_are_named(tmp_path):
    with pytest.raises(SystemExit, match="GROUNDSWELL_DATA"):
        sources.prepare(tmp_path / "nowhere", tmp_path / "work")


def test_a_trial_is_not_mixed_with_a_measurement(tmp_path):
    _write_public(tmp_path / "data")
    sources.prepare(tmp_path / "data", tmp_path / "work")
    with pytest.raises(SystemExit, match="--rows 0"):
        sources.prepare(tmp_path / "data", tmp_path / "work", rows=40)


def test_drawing_takes_so_many_of_each_label_and_follows_the_seed():
    rows = [{"text": str(n), "sentiment": "ab"[n % 3 == 0]} for n in range(60)]
    few = ladder.drawn(rows, 8, 1)
    assert [sum(row["sentiment"] == label for row in few) for label in "ab"] == [8, 8]
    assert few != ladder.drawn(rows, 8, 2)
    assert len(ladder.drawn(rows, 30, 1)) == 50
    assert len(ladder.drawn(rows, -1, 1)) == 60


def test_the_recipe_of_the_makefile_is_what_is_measured(tmp_path):
    text = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    train, *_, export = shipped.commands(text, tmp_path)
    assert "groundswell train" in train
    assert f"{tmp_path}/default" in train
    assert f"{tmp_path}/default-bundle" in export
    assert "deploy/" not in train + export
    with pytest.raises(ValueError, match="model"):
        shipped.commands("check:\n\ttrue\n", tmp_path)


def test_spread_and_gain():
    assert records.spread([0.8]) == ".8000"
    assert records.spread([0.8, 0.82]) == ".8100 ± .0141 (.8000 to .8200)"
    assert records.short(-0.25) == "-.2500"
    assert records.short(766.0) == "766"
    runs = [
        {"variant": variant, "seed": seed, "figures": {"f": value}}
        for variant, seed, value in (("base", 1, 0.80), ("base", 2, 0.82), ("more", 1, 0.81))
    ]
    lines = records.against(runs, {"f": "F1"}, baseline="base", judged="f").splitlines()
    assert lines[0] == "| variant | seeds | F1 | points gained |"
    assert lines[2].startswith("| base | 2 | .8100 ± .0141")
    assert lines[3] == "| more | 1 | .8100 | +1.0 |"


def test_a_table_by_seed_shows_what_is_missing():
    runs = [
        {"seed": 2, "figures": {"a": 0.5, "b": 0.25}},
        {"seed": 1, "figures": {"a": 0.25}},
    ]
    lines = records.by_seed(runs).splitlines()
    assert lines[0] == "| figure | seed 1 | seed 2 | mean ± spread |"
    assert lines[3] == "| b | – | .2500 | .2500 |"


def test_records_are_kept_and_the_last_counts(tmp_path):
    for value in (1, 2):
        records.append(tmp_path, {"kind": "x", "seed": 1, "value": value})
    with (tmp_path / records.FILE).open("a") as file:
        file.write('{"kind": "x", "se')
    found = records.read(tmp_path)
    assert [record["value"] for record in found] == [1, 2]
    assert records.find(found, kind="x", seed=1) == {"kind": "x", "seed": 1, "value": 2}
    assert records.find(found, kind="y") is None
    assert [record["value"] for record in records.latest(found, "kind", "seed")] == [2]


def _write_public(data: Path) -> None:
    """Made-up rows in the layout of the public sets; each text stands there with a near-copy."""
    names = [a + b + c for a in ("ba", "ke", "mi") for b in ("do", "lu", "ra") for c in WORDS]
    texts = [f"{name}a {name}e {name}i {name}o {name}u" for name in names]
    copies = [copy for text in texts for copy in (text, f"{text} today")]
    tones = ("negative", "neutral", "positive")
    labelled = [{"text": t, "sentiment": tones[n % 3]} for n, t in enumerate(copies)]
    tags = [{"tokens": [word, "rose", "here"], "tags": ["B-ORG", "O", "O"]} for word in WORDS]
    split = ("train", "testa", "testb")
    rows: dict[str, list[dict[str, object]]] = {
        "phrasebank": [row | {"agreement": 75} for row in labelled],
        "tweets": [{**row, "text": f"$AB {row['text']} now then"} for row in labelled],
        "sentfin": [
            {"id": 1, "text": "Acme beats the street", "entities": {"Acme": "positive"}},
            {"id": 2, "text": "Acme up, Bolt down", "entities": {"A": "positive", "B": "negative"}},
        ],
        "topics": [
            {"text": f"{t} on topic", "topic": ("Fed | Central Banks", "IPO")[n % 2]}
            for n, t in enumerate(copies)
        ],
        "conll": [
            row | {"split": split[n // 4 % 3], "doc": 0} for n, row in enumerate(tags + tags)
        ],
        "finer": [row | {"split": ("train", "val")[n % 2]} for n, row in enumerate(tags)],
    }
    for name, found in rows.items():
        path = data / sources.PUBLIC[name].file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")


def _texts(work, name, which):
    lines = sources.part(work, name, which).read_text(encoding="utf-8").splitlines()
    return [sources.text_of(json.loads(line)) for line in lines]
