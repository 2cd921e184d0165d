from hypothesis import given
from hypothesis import strategies as st

from training.refresh.core.queue import Candidate, choose
from training.refresh.core.rows import sample
from training.refresh.core.votes import Vote, settle

VOTES = st.lists(
    st.builds(
        Vote,
        st.sampled_from("abc"),
        st.sampled_from(["sentiment", "topic"]),
        st.sampled_from(["negative", "neutral"]),
        st.sampled_from(["ann", "bob", "eve", "joe"]),
        st.integers(0, 9),
    )
)


@given(VOTES, st.sets(st.sampled_from(["ann", "bob"])))
def test_every_item_is_settled_or_in_conflict_or_waits(votes, trusted):
    found = settle(votes, trusted)
    places = {(vote.item, vote.field) for vote in votes}

    settled = {(label.item, label.field) for label in found.labels}
    apart = {(conflict.item, conflict.field) for conflict in found.conflicts}
    assert settled | apart <= places
    assert not settled & apart
    assert len(settled) + len(apart) + found.waiting == len(places)


@given(VOTES, st.sets(st.sampled_from(["ann", "bob"])))
def test_whoever_settles_a_label_said_it_last_and_was_enough(votes, trusted):
    last = {(vote.item, vote.field, vote.actor): vote.label for vote in votes}
    for label in settle(votes, trusted).labels:
        assert all(last[label.item, label.field, who] == label.label for who in label.actors)
        assert len(label.actors) >= 2 or set(label.actors) <= trusted


@given(VOTES)
def test_repeating_everything_settles_the_same(votes):
    assert settle([*votes, *votes]) == settle([*votes, *votes, *votes])


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(0, 5)), max_size=40),
    st.integers(1, 20),
    st.integers(0, 3),
)
def test_the_queue_is_bounded_and_has_no_item_or_story_twice(raw, count, seed):
    candidates = [
        Candidate(f"i{n}", {"a": p, "b": 1 - p}, alert="x" * hit, story=f"s{story}" * (story > 0))
        for n, (p, hit, story) in enumerate(raw)
    ]
    chosen = choose(candidates, count, seed=seed)
    stories = [c.story for c in candidates if c.story and c.item in {e.item for e in chosen}]

    assert len(chosen) <= count
    assert len({each.item for each in chosen}) == len(chosen)
    assert len(set(stories)) == len(stories)
    assert chosen == choose(candidates, count, seed=seed)


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(0, 60), st.integers(0, 3))
def test_a_sample_has_its_size_and_misses_no_share_by_one(strata, count, seed):
    rows = list(range(len(strata)))
    chosen = sample(rows, strata, count, seed)

    assert len(chosen) == min(count, len(rows))
    assert chosen == sorted(set(chosen))
    for key in set(strata):
        exact = min(1, count / len(rows)) * strata.count(key)
        assert abs(sum(strata[row] == key for row in chosen) - exact) < 1
