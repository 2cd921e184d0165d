"""What cannot be trained on is refused with its file, its row and what to do."""

from pathlib import Path

import pytest

from groundswell.errors import InputError
from training.material import Sources, gather


def refused(tmp_path, *rows, **more):
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    Path(f"{file}.card.yaml").write_text("name: rows\nlicence: own\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        gather(Sources(data=(str(file),), **more))
    return str(caught.value)


def test_an_unknown_type_of_entity_is_named_with_its_row(tmp_path):
    said = refused(
        tmp_path,
        '{"text": "nothing here", "entities": []}',
        '{"text": "Acme rose", "entities": [{"type": "FIRM", "start": 0, "end": 4}]}',
    )

    assert "rows.jsonl:2: field entities holds FIRM, but entities knows PER" in said
    assert "map the labels on the data's card" in said


def test_an_unknown_tag_is_named_with_its_row(tmp_path):
    said = refused(
        tmp_path,
        '{"tokens": ["it", "rose"], "tags": ["O", "O"]}',
        '{"tokens": ["Acme", "rose"], "tags": ["B-FIRM", "O"]}',
    )

    assert "rows.jsonl:2: field entities holds FIRM" in said


def test_a_single_label_that_is_no_string_is_named_with_its_row(tmp_path):
    said = refused(
        tmp_path,
        '{"text": "sales rose", "sentiment": "positive", "topic": "macro"}',
        '{"text": "sales fell", "sentiment": 0, "topic": "macro"}',
    )

    assert (
        "rows.jsonl:2: sentiment is no string; write a label (negative, neutral, positive)" in said
    )


def test_fewer_tags_than_tokens_are_named_with_what_to_write(tmp_path):
    said = refused(
        tmp_path,
        '{"tokens": ["Acme", "rose"], "tags": ["B-ORG"]}',
        functions=("entities",),
    )

    assert "rows.jsonl:1: 1 entities for 2 tokens; write one tag (O, B-NAME or I-NAME)" in said


def test_an_unknown_label_says_how_to_map_it(tmp_path):
    said = refused(
        tmp_path,
        '{"text": "sales rose", "sentiment": "bullish"}',
        functions=("sentiment",),
    )

    assert "rows.jsonl:1: sentiment is 'bullish'" in said
    assert "`labels: {sentiment: {OLD: NEW}}`" in said


def test_a_snapshot_without_rows_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"--snapshot .*no rows are given; name the --data"):
        gather(Sources(data=(), functions=("sentiment",), snapshot=tmp_path / "snapshot.json"))


def test_numbers_that_a_card_maps_choose_the_function(tmp_path):
    tones = ("negative", "neutral", "positive")
    file = tmp_path / "rows.jsonl"
    lines = [
        f'{{"text": "{word}{n % 7} {word} {n} is {word}{n}", "sentiment": {n % 3}}}\n'
        for n, word in enumerate(("up", "down", "flat", "far", "near", "odd", "even") * 9)
    ]
    file.write_text("".join(lines), encoding="utf-8")
    mapping = ", ".join(f"'{n}': {tone}" for n, tone in enumerate(tones))
    card = f"name: rows\nlicence: own\nlabels: {{sentiment: {{{mapping}}}}}\n"
    Path(f"{file}.card.yaml").write_text(card, encoding="utf-8")

    found = gather(Sources(data=(str(file),)))

    assert [task.name for task in found.tasks] == ["sentiment"]
    assert {e.truths for part in found.split.parts.values() for e in part} == {(0,), (1,), (2,)}
