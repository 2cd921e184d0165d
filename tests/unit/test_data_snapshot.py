"""A snapshot repeats the split of a run, or names the rows that are not as they were."""

import pytest

from groundswell.errors import InputError
from tests.unit.data_world import TARGET, TONE, TOPICS, data_set
from training.data import check_licences
from training.data.labels import label_rows
from training.data.prepare import Wish, prepare, write
from training.data.snapshot import NAME, Difference, read_snapshot, verify

WISH = Wish(dev=0.2, test=0.2, doubt=False)
LABELS = ("negative", "neutral", "positive")


@pytest.fixture
def letters():
    names = [a + b for a in "abcdef" for b in "ghijk"]
    return [{"text": f"{n}x {n}y {n}z", "sentiment": LABELS[i % 3]} for i, n in enumerate(names)]


def test_it_repeats_the_split_whatever_the_seed_file_and_order(tmp_path, letters):
    first = prepare([data_set(tmp_path, letters)], [TONE], WISH)
    write(first, tmp_path)
    (tmp_path / "moved").mkdir()
    moved = data_set(tmp_path / "moved", letters[::-1])

    snapshot = read_snapshot(tmp_path / NAME)
    again = prepare([moved], [TONE], Wish(seed=7, doubt=False), snapshot)

    for name, part in first.split.parts.items():
        assert {e.text for e in part} == {e.text for e in again.split.parts[name]}
    assert snapshot == first.snapshot == again.snapshot
    assert (
        prepare([moved], [TONE], Wish(seed=7, dev=0.2, test=0.2, doubt=False)).split != again.split
    )


def test_the_same_data_gives_the_same_split_in_the_same_order(tmp_path, letters):
    first = prepare([data_set(tmp_path, letters)], [TONE], WISH)

    assert prepare([data_set(tmp_path, letters)], [TONE], WISH) == first
    assert prepare([data_set(tmp_path, letters)], [TONE], WISH, first.snapshot).split == first.split


def test_rows_that_differ_are_named(tmp_path, letters):
    first = prepare([data_set(tmp_path, letters)], [TONE], WISH)
    other = [
        letters[0] | {"sentiment": "positive"},
        *letters[2:],
        {"text": "new here", "sentiment": "neutral"},
    ]
    item = data_set(tmp_path, other)
    gone = label_rows([data_set(tmp_path, letters)], [TONE]).examples[1]

    found = verify(first.snapshot, label_rows([item], [TONE]).examples)

    assert sorted(d.what for d in found) == ["changed", "gone", "new"]
    assert Difference("a", gone.id, "gone") in found
    assert next(d for d in found if d.what == "new").origin.endswith("a.jsonl:30")
    with pytest.raises(
        InputError, match=r"3 rows differ:\n  a: row \w+ is changed \(.*a\.jsonl:1\)"
    ):
        prepare([item], [TONE], WISH, first.snapshot)


def test_copies_and_masked_rows_stand_in_the_snapshot(tmp_path, letters):
    copies = [letters[3], letters[4] | {"sentiment": "positive"}]
    item = data_set(tmp_path, [*letters, *copies])

    first = prepare([item], [TONE], Wish(dev=0.2, test=0.2, doubt=False, drop_conflicts=True))
    again = prepare([item], [TONE], Wish(doubt=False, drop_conflicts=True), snapshot=first.snapshot)

    (part,) = first.snapshot.sets
    assert len(part.rows["out"]) == 2
    assert sum(map(len, part.rows.values())) == 31
    assert "1 exact copies were merged" in first.notes
    assert again.split == first.split


def test_a_broken_snapshot_is_refused(tmp_path, letters):
    path = tmp_path / NAME
    with pytest.raises(InputError, match="cannot be read"):
        read_snapshot(path)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="no snapshot"):
        read_snapshot(path)
    text = '{"schema": 9, "seed": 1, "by": "time", "dev": 0, "test": 0, "sets": []}'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="schema 9; this release reads 1"):
        read_snapshot(path)


def test_a_licence_that_is_not_allowed_is_refused():
    check_licences([("a.jsonl", "mit"), ("b.jsonl", "CC-BY-NC-4.0")], ["cc-by-nc-4.0"])

    with pytest.raises(InputError) as caught:
        check_licences([("a.jsonl", "MIT"), ("b.jsonl", "CC-BY-NC-4.0"), ("c.jsonl", "not stated")])

    message = str(caught.value)
    assert "b.jsonl: licence 'CC-BY-NC-4.0' is not on the allow-list" in message
    assert '--allow-licence "not stated"' in message
    assert "a.jsonl:" not in message


def test_a_row_of_which_one_reading_is_left_out_keeps_the_part_of_the_other(tmp_path, letters):
    rows = [row | {"entity": "A", "topics": ["macro"]} for row in letters]
    rows.append(rows[0] | {"sentiment": "positive"})
    item, tasks = data_set(tmp_path, rows), [TARGET, TOPICS]
    wish = Wish(dev=0.2, test=0.2, doubt=False, drop_conflicts=True)

    first = prepare([item], tasks, wish)

    assert sum(map(len, first.split.parts.values())) == 2 * 30 - 1
    assert prepare([item], tasks, wish, first.snapshot).split == first.split
