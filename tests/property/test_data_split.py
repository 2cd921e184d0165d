"""Whatever the rows: each goes to one part, no cluster to two, and the seed decides."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from groundswell.errors import InputError
from training.data.split import cluster_examples, split_examples
from training.examples import Example

WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")
DAY = datetime(2020, 1, 1, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join),
        st.integers(0, 2) | st.none(),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=60,
)


def made(rows):
    return [
        Example(id=str(n), text=text, truths=(truth, 0), date=DAY + timedelta(days=days))
        for n, (text, truth, days) in enumerate(rows)
    ]


def dealt(examples, by, seed):
    try:
        return split_examples(examples, dev=0.2, test=0.1, seed=seed, by=by)
    except InputError:
        reject()  # too few clusters for three parts


@given(ROWS, st.sampled_from(["cluster", "time"]), st.integers(0, 3))
def test_every_row_once_and_no_cluster_on_two_sides(rows, by, seed):
    examples = made(rows)
    split = dealt(examples, by, seed)

    clusters = dict(zip((e.id for e in examples), cluster_examples(examples), strict=True))
    part_of = {clusters[e.id]: name for name, part in split.parts.items() for e in part}
    assert Counter(e.id for part in split.parts.values() for e in part) == Counter(list(clusters))
    assert all(part_of[clusters[e.id]] == name for name, part in split.parts.items() for e in part)
    assert split == dealt(examples, by, seed)


@given(ROWS)
def test_by_time_a_later_part_holds_a_newer_cluster(rows):
    examples = made(rows)
    split = dealt(examples, "time", 1)
    clusters = dict(zip((e.id for e in examples), cluster_examples(examples), strict=True))
    newest: dict[int, datetime] = {}
    for example in examples:
        key = clusters[example.id]
        newest[key] = max(newest.get(key, DAY), example.date)

    dates = {n: [newest[clusters[e.id]] for e in part] for n, part in split.parts.items()}

    assert min(dates["test"]) >= max(dates["dev"])
    assert min(dates["dev"]) >= max(dates["train"])


def singles(count, **more):
    letters = "abcdefghij"
    names = [f"{a}{b}{c}" for a in letters for b in letters for c in letters][:count]
    return [Example(id=n, text=f"{n}x {n}y {n}z", truths=(0,), **more) for n in names]


def test_shares_are_kept_for_each_label():
    rows = singles(1000)
    examples = [
        Example(id=e.id, text=e.text, truths=(0 if n % 10 else 1,)) for n, e in enumerate(rows)
    ]

    split = split_examples(examples, dev=0.2, test=0.1, seed=4)

    found = {n: Counter(e.truths[0] for e in part) for n, part in split.parts.items()}
    assert found == {"train": {0: 630, 1: 70}, "dev": {0: 180, 1: 20}, "test": {0: 90, 1: 10}}
    assert split != split_examples(examples, dev=0.2, test=0.1, seed=5)


def test_near_duplicates_of_rare_labels_do_not_starve_a_part():
    examples = [
        Example(id=f"{e.id}{tail}", text=f"{e.text} {tail}", truths=(n % 50,))
        for n, e in enumerate(singles(100))
        for tail in ("now", "today", "")
    ]

    split = split_examples(examples, dev=0.2, test=0.1, seed=4)

    assert (len(split.train), len(split.dev), len(split.test)) == (210, 60, 30)


def test_one_text_with_two_entities_is_not_split():
    fields = {"text": "short"}
    examples = [
        Example(
            id=f"{n}", text=f"{word * 9} of {word} and {word}s: short", truths=(0,), fields=fields
        )
        for n, word in enumerate(WORDS)
    ]

    assert len(set(cluster_examples(examples))) == 1


def test_too_few_rows_and_rows_without_a_date_are_refused():
    with pytest.raises(
        InputError, match=r"3 rows .*Near-duplicates stay together, and these rows make \d clusters"
    ):
        split_examples(singles(3), dev=0.1, test=0.1, seed=1)
    with pytest.raises(InputError, match=r"f\.jsonl:7: has no date \(published_at or date\)"):
        split_examples(singles(9, origin="f.jsonl:7"), dev=0.1, test=0.1, seed=1, by="time")


def test_by_time_a_large_cluster_at_the_border_takes_nothing_from_the_next_part():
    rows = singles(30)
    examples = [
        Example(
            id=f"{e.id}{copy}",
            text=f"{e.text}{' again' * copy}",
            truths=(0,),
            date=DAY + timedelta(days=30 - n),
        )
        for n, e in enumerate(rows)
        for copy in range(2 if n == 2 else 1)
    ]

    split = split_examples(examples, dev=0.1, test=0.1, seed=1, by="time")

    assert [e.id for e in split.test] == ["aaa0", "aab0", "aac0", "aac1"]
    assert [e.id for e in split.dev] == ["aad0", "aae0", "aaf0", "aag0"]
