"""
Guarantees 1, 2 and 5 over simulated worlds, and proof that the simulation notices mistakes.

``GROUNDSWELL_SEEDS`` sets how many worlds are tried.
"""

import os

import pytest

from consumers.adapters.memory_counts import MemoryCounts
from consumers.counts.core import fence
from consumers.counts.core.fence import Verdict
from consumers.counts.ports import Held
from groundswell.events import Refusal, decode_log
from tests.count_world import KEPT, at_once
from tests.property.exactness import Rules, World

SEEDS = int(os.environ.get("GROUNDSWELL_SEEDS", "400"))


def test_every_offset_is_settled_exactly_once():
    for seed in range(SEEDS):
        try:
            World(seed, Rules()).run()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_the_worlds_do_go_wrong():
    """The faults that the rules are there for happen, and often."""
    totals = {"repeats": 0, "holes": 0, "refusals": 0}
    for seed in range(40):
        world = World(seed, Rules())
        world.run()
        state = at_once(world.store.state(0))
        for name in totals:
            totals[name] += getattr(state.totals, name) > 0

    assert min(totals.values()) >= 10


# ---------------------------------------------------------------------- planted mistakes

_judge = fence.judge


def repeats_at_the_fence_count(known, offset, after, *, cut=False):
    if known is not None and offset < known:
        return Verdict.REPEAT
    return Verdict.ACCEPT if offset == known else _judge(known, offset, after, cut=cut)


def after_is_ignored(known, offset, _after, *, cut=False):
    return _judge(known, offset, offset - 1 if known is None else min(offset - 1, known), cut=cut)


def nothing_is_a_repeat(_known, _offset, _after, *, cut=False):
    return Verdict.ACCEPT


def the_next_is_a_hole_too(known, offset, after, *, cut=False):
    verdict = _judge(known, offset, after, cut=cut)
    return Verdict.HOLE if known is not None and after >= known else verdict


@pytest.mark.parametrize(
    "judge",
    [repeats_at_the_fence_count, after_is_ignored, nothing_is_a_repeat, the_next_is_a_hole_too],
)
def test_a_wrong_fence_is_noticed(monkeypatch, judge):
    monkeypatch.setattr(fence, "judge", judge)

    assert noticed(Rules())


def test_a_mark_believed_past_a_hole_is_noticed(monkeypatch):
    monkeypatch.setattr(fence, "believes", lambda *_place, **_cut: True)

    assert noticed(Rules())


def no_comparison(world, _held, step):
    """Seek at the assignment alone, and write whatever the store holds by now."""
    world.store.shards[0].add(0, step, KEPT)


def only_the_position_is_compared(world, held, step):
    stored = at_once(world.store.state(0))
    if stored is not None and held is not None and stored.position != held.position:
        return Held(stored)
    world.store.shards[0].add(0, step, KEPT)
    return None


def an_emptied_store_is_written_on(world, held, step):
    stored = at_once(world.store.state(0))
    if stored is not None and stored != held:
        return Held(stored)
    world.store.shards[0].add(0, step, KEPT)
    return None


def the_state_follows_the_counts(world, held, step):
    """Cells first, the state in a call of its own, which sometimes never comes."""
    stored = at_once(world.store.state(0))
    if stored != held:
        return Held(stored)
    world.store.shards[0].add(0, step, KEPT)
    if world.rng.random() < 0.1:
        if held is None:
            del world.store.shards[0].states[0]
        else:
            world.store.shards[0].states[0] = held
        return Held(held)
    return None


def a_restart_begins_with_empty_cells(world, held, step):
    if world.rng.random() < 0.02:
        states = world.store.shards[0].states
        world.store = MemoryCounts(1, KEPT)
        world.store.shards[0].states = states
    return at_once(world.store.step(0, held, step))


@pytest.mark.parametrize(
    "step",
    [
        no_comparison,
        only_the_position_is_compared,
        an_emptied_store_is_written_on,
        the_state_follows_the_counts,
        a_restart_begins_with_empty_cells,
    ],
)
def test_a_wrong_step_is_noticed(step):
    assert noticed(Rules(step=step))


def test_a_writer_that_starts_behind_what_is_missing_is_noticed():
    assert noticed(Rules(first=lambda committed: committed + (committed % 3 == 1)))


def an_unanswered_write_counts_as_written(world, writer, fate):
    world.write(writer, fate)
    if fate in ("half", "late", "before"):
        world.acknowledged(writer)


def a_failed_batch_is_left_behind(world, writer, fate):
    world.write(writer, fate)
    if fate == "before" and writer.pending:
        writer.pending, writer.position = [], writer.taken


@pytest.mark.parametrize(
    "send", [an_unanswered_write_counts_as_written, a_failed_batch_is_left_behind]
)
def test_a_writer_that_does_not_repeat_itself_is_noticed(send):
    assert noticed(Rules(send=send))


def test_refusals_that_are_no_verdicts_are_noticed():
    def readable(record):
        return not isinstance(decode_log(record.value), Refusal)

    assert noticed(Rules(readable=readable))


def noticed(rules):
    """Say whether a world with a mistake in its rules ever ends up wrong."""
    for seed in range(SEEDS):
        try:
            World(seed, rules).run()
        except AssertionError:
            return True
    return False
