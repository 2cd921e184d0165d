"""Which rows make up each batch: every row once, kinds by size, the same again."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.sampling import epoch_batches, kinds_of, shares

pytestmark = pytest.mark.train

KEYS = st.lists(st.sampled_from("abc"), min_size=1, max_size=60)
SIZES = st.lists(st.integers(1, 500), min_size=1, max_size=5)


def dealt(keys, *, batch=4, balance=1.0, seed=1, epoch=0):
    lengths = [3 + place % 7 for place in range(len(keys))]
    return epoch_batches(
        kinds_of(keys), lengths, batch=batch, balance=balance, seed=seed, epoch=epoch
    )


@given(KEYS)
def test_a_kind_holds_the_rows_of_one_key(keys):
    kinds = kinds_of(keys)

    assert sorted(place for kind in kinds for place in kind) == list(range(len(keys)))
    assert [{keys[place] for place in kind} for kind in kinds] == [
        {key} for key in dict.fromkeys(keys)
    ]


@given(KEYS, st.integers(1, 9), st.integers(0, 9), st.integers(0, 5))
@settings(max_examples=60)
def test_every_row_once_an_epoch_and_one_kind_a_batch(keys, batch, seed, epoch):
    found = dealt(keys, batch=batch, seed=seed, epoch=epoch)

    assert sorted(place for each in found for place in each) == list(range(len(keys)))
    assert all(0 < len(each) <= batch for each in found)
    assert all(len({keys[place] for place in each}) == 1 for each in found)


@given(SIZES, st.integers(1, 64), st.floats(0.0, 1.0))
@settings(max_examples=80)
def test_shares_keep_the_order_of_the_sizes_and_leave_none_out(sizes, batch, balance):
    found = shares(sizes, batch, balance)

    assert min(found) >= 1
    for a, one in zip(sizes, found, strict=True):
        for b, other in zip(sizes, found, strict=True):
            assert a > b or one <= other


def test_shares_by_balance():
    assert shares([640, 64], 32, 1.0) == [20, 2]
    assert shares([640, 64], 32, 0.0) == [11, 11]
    assert shares([6400, 64], 64, 0.5) == [92, 9]


@given(KEYS, st.floats(0.0, 0.99), st.integers(0, 4))
@settings(max_examples=60)
def test_an_epoch_of_any_balance_has_its_share_of_each_kind(keys, balance, epoch):
    kinds = kinds_of(keys)
    wanted = shares([len(kind) for kind in kinds], 4, balance)
    found = Counter(keys[each[0]] for each in dealt(keys, balance=balance, epoch=epoch))

    assert [found[keys[kind[0]]] for kind in kinds] == wanted


def test_the_rows_of_a_rare_kind_all_come_before_one_comes_again():
    keys = "a" * 40 + "b" * 20
    rare = [
        [place for each in dealt(keys, balance=0.0, epoch=epoch) for place in each if place >= 40]
        for epoch in range(3)
    ]
    seen = Counter(place for epoch in rare for place in epoch)

    # Eight batches an epoch of five that make a round.
    assert [len(epoch) for epoch in rare] == [32] * 3

    assert set(seen) == set(range(40, 60))
    assert max(seen.values()) - min(seen.values()) <= 1


def test_the_seed_and_the_epoch_decide():
    keys = "aab" * 20

    assert dealt(keys) == dealt(keys)
    assert dealt(keys) != dealt(keys, seed=2)
    assert dealt(keys) != dealt(keys, epoch=1)
