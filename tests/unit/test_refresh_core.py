from collections import Counter
from dataclasses import replace

import pytest

from training.examples import Example
from training.refresh.core.queue import ALERT, APART, LINE, RANDOM, Candidate, apart, choose, margin
from training.refresh.core.reasons import DAY_MS, HOUR_MS, Known, Policy, decide
from training.refresh.core.rows import part_by_name, parts_of, sample, stratum
from training.refresh.core.votes import Vote, settle

NOW = 1_790_000_000_000
KNOWN = Known(labels=300, used=100, rows=5000, refreshed=NOW - 10 * DAY_MS, warm=0)


def vote(label, actor, item="a", at=1):
    return Vote(item, "sentiment", label, actor, at)


def test_two_who_agree_settle_a_label_and_one_alone_waits():
    found = settle([vote("negative", "ann"), vote("negative", "bob"), vote("neutral", "ann", "b")])

    assert [(label.item, label.label, label.by) for label in found.labels] == [
        ("a", "negative", "votes")
    ]
    assert found.labels[0].actors == ("ann", "bob")
    assert found.waiting == 1


def test_one_who_is_trusted_settles_it_against_the_others():
    said = [vote("neutral", "ann"), vote("neutral", "bob"), vote("negative", "eve")]

    found = settle(said, trusted=["eve"])

    assert found.labels[0].label == "negative"
    assert found.labels[0].by == "trusted"
    assert found.labels[0].actors == ("eve",)


@pytest.mark.parametrize(
    ("said", "trusted"),
    [
        ([vote("negative", "ann"), vote("neutral", "bob")], ()),
        ([vote(x, f"{x}{n}") for x in ("negative", "neutral") for n in range(2)], ()),
        ([vote("negative", "ann"), vote("neutral", "bob")], ("ann", "bob")),
    ],
    ids=["one against one", "two against two", "two who are trusted"],
)
def test_who_contradicts_is_named(said, trusted):
    found = settle(said, trusted)

    assert found.labels == ()
    assert len(found.conflicts) == 1
    assert found.conflicts[0].said[0].startswith("negative: ")


def test_a_persons_last_word_counts_however_often_they_said_it():
    said = [vote("negative", "ann"), vote("negative", "ann", at=2), vote("neutral", "ann", at=3)]

    assert settle(said).waiting == 1
    assert settle([*said, vote("neutral", "bob")]).labels[0].label == "neutral"


def test_the_queue_mixes_reasons_and_gives_each():
    sure, close = {"negative": 0.9, "neutral": 0.1}, {"negative": 0.51, "neutral": 0.49}
    other = {"negative": 0.2, "neutral": 0.8}
    candidates = [
        *(Candidate(f"sure{n}", sure) for n in range(100)),
        *(Candidate(f"close{n}", close) for n in range(20)),
        *(Candidate(f"apart{n}", sure, challenger=other) for n in range(20)),
        *(Candidate(f"alert{n}", sure, alert="al1") for n in range(20)),
    ]

    chosen = choose(candidates, 50, seed=3)

    assert Counter(each.reason for each in chosen) == {RANDOM: 10, ALERT: 10, APART: 10, LINE: 20}
    assert len({each.item for each in chosen}) == 50
    assert all(each.item.startswith("apart") for each in chosen if each.reason == APART)
    assert "drives alert al1" in next(each.why for each in chosen if each.reason == ALERT)
    near = [each.item for each in chosen if each.reason == LINE]
    assert sum(item.startswith("close") for item in near) >= 17


def test_what_one_reason_cannot_fill_goes_to_the_next_and_nothing_is_asked_twice():
    candidates = [Candidate(f"c{n}", {"a": 0.6, "b": 0.4}, story=f"s{n // 2}") for n in range(30)]

    chosen = choose(candidates, 10, settled=["c0", "c1"])
    again = choose(candidates, 40)

    assert Counter(each.reason for each in chosen) == {RANDOM: 2, LINE: 8}
    assert not {"c0", "c1"} & {each.item for each in chosen}
    assert len(again) == 15, "one of each story"
    assert choose([], 5) == ()


def test_distances_of_answers():
    assert margin({"a": 0.7, "b": 0.3}) == pytest.approx(0.4)
    assert margin({"a": 1.0}) == 1.0
    assert apart({"a": 0.7, "b": 0.3}, {"a": 0.3, "b": 0.7}) == pytest.approx(0.4)
    assert apart({"a": 1.0}, {"b": 1.0}) == 1.0


@pytest.mark.parametrize(
    ("known", "go", "told"),
    [
        (KNOWN, True, "200 new labels; 200 are enough"),
        (KNOWN._replace(used=299), False, "1 new labels of the 200"),
        (KNOWN._replace(used=295, rows=40), True, "5 new labels; 4 are enough"),
        (KNOWN._replace(used=299, refreshed=NOW - 31 * DAY_MS), True, "31 days ago"),
        (KNOWN._replace(used=299, drift="embeddings"), True, "drift: embeddings"),
        (KNOWN._replace(used=300, drift="embeddings"), False, "label some items first"),
        (KNOWN._replace(used=300), False, "nothing to learn"),
        (KNOWN._replace(refreshed=NOW - HOUR_MS), False, "6 must pass"),
        (KNOWN._replace(refreshed=None), True, "200 new labels"),
    ],
)
def test_there_is_a_reason_or_it_says_why_not(known, go, told):
    decision = decide(known, Policy(), NOW)

    assert decision.go is go
    assert any(told in reason for reason in decision.reasons)


def test_whoever_asks_need_not_wait_but_needs_a_label():
    soon = KNOWN._replace(used=299, refreshed=NOW - 1)

    assert decide(soon, Policy(), NOW, force=True).go
    assert not decide(soon._replace(used=300), Policy(), NOW, force=True).go


def test_every_so_many_th_begins_with_the_base_encoder():
    kinds = [decide(KNOWN._replace(warm=n), Policy(base_every=3), NOW).kind for n in range(4)]

    assert kinds == ["warm", "warm", "base", "base"]
    assert decide(KNOWN._replace(warm=99), Policy(base_every=0), NOW).kind == "warm"
    assert decide(KNOWN._replace(cannot="gone"), Policy(), NOW).kind == "base"


def test_a_row_stays_in_its_part_whatever_comes_later():
    rows = [(f"item{n}", n) for n in range(500)]
    parts = parts_of(rows, {})
    later = parts_of([*rows, *((f"more{n}", n % 500) for n in range(500))], {})

    assert later[:500] == parts
    assert later[500:] == parts, "a near-copy goes where the first one is"
    assert Counter(parts)["test"] == pytest.approx(100, abs=30)
    assert part_by_name("item1") == part_by_name("item1")
    assert parts_of([("x", 7), ("y", 7)], {7: "test"}) == ["test", "test"]


def test_replay_keeps_the_shares_of_sources_and_labels():
    row = Example(id="x", text="t", truths=(0,), source="one")
    rows = [row] * 600 + [replace(row, truths=(1,))] * 300 + [replace(row, source="two")] * 100

    chosen = sample(rows, [stratum(each) for each in rows], 100, seed=1)

    assert Counter((each.source, each.truths) for each in chosen) == {
        ("one", (0,)): 60,
        ("one", (1,)): 30,
        ("two", (0,)): 10,
    }
    assert sample(rows, [stratum(each) for each in rows], 5000, seed=1) == rows
