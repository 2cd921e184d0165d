import pytest
from hypothesis import strategies as st

from consumers.news.core import batching
from tests.mutants import holds, mutant, notices

MAX_TOKENS, MAX_ITEMS, WAIT, CAPACITY = 64, 4, 5.0, 16


def law(module, data):
    """Every item leaves once; no batch exceeds its budget; nobody waits past the deadline."""
    window = module.Batcher(MAX_TOKENS, MAX_ITEMS, WAIT, CAPACITY)
    lengths = st.integers(1, 20) | st.integers(1, 100)
    gaps = st.sampled_from([0.0, 0.0, 0.5, 6.0])
    steps = data.draw(st.lists(st.tuples(lengths, gaps, st.booleans()), max_size=40))
    now, left = 0.0, []
    waiting: dict[int, tuple[int, float]] = {}

    def check(batch, *, flush):
        full = len(waiting) >= MAX_ITEMS or sum(t for t, _ in waiting.values()) >= MAX_TOKENS
        late = bool(waiting) and now >= next(iter(waiting.values()))[1] + WAIT
        assert bool(batch) == bool(waiting and (full or late or flush))
        if batch:
            held = [waiting[i][0] for i in batch]
            assert len(batch) == 1 or max(held) * len(batch) <= MAX_TOKENS
            assert len(batch) <= MAX_ITEMS
            assert held == sorted(held)
            assert next(iter(waiting)) in batch
        for i in batch:
            del waiting[i]
        left.extend(batch)

    for number, (tokens, gap, look) in enumerate(steps):
        now += gap
        assert len(window) == len(waiting)
        assert window.room() == max(0, CAPACITY - len(waiting))
        window.add(number, tokens, now)
        waiting[number] = (tokens, now)
        at = window.wake_at()
        assert at is not None
        assert at <= next(iter(waiting.values()))[1] + WAIT
        assert window.due(now) == (at <= now)
        if look:
            check(window.take(now), flush=False)
    while waiting:
        check(window.take(now, flush=True), flush=True)

    assert sorted(left) == list(range(len(steps)))
    assert window.wake_at() is None
    assert window.take(now, flush=True) == []
    assert len(window) == 0


def test_the_law_holds():
    holds(law, batching)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self._max_tokens // longest", "self._max_tokens // longest + 1"),
        ("min(self._max_items, self._max_tokens", "max(self._max_items, self._max_tokens"),
        ("number = next(iter(self._items))", "number = next(reversed(self._items))"),
        ("self._tokens -= sum(tokens for tokens, _ in taken)", "pass"),
        ("else added + self._wait", "else added + 2 * self._wait"),
        ("len(self._items) >= self._max_items or", "len(self._items) > self._max_items or"),
        ("del self._sorted[low:high]", "del self._sorted[low : high - 1]"),
        ("insort(self._sorted, (tokens, self._next))", "self._sorted.append((tokens, self._next))"),
        ("at is not None and (self._full() or now >= at)", "at is not None and now > at"),
    ],
)
def test_the_law_notices(old, new):
    notices(law, mutant(batching, old, new))


def test_like_lengths_go_together():
    window: batching.Batcher[int] = batching.Batcher(1000, 8, 0.0, 100)
    for number, tokens in enumerate([10, 200, 11, 190, 12, 210, 9, 205]):
        window.add(number, tokens, 0.0)

    assert window.take(0.0) == [6, 0, 2, 4]
    assert window.take(0.0) == [3, 1, 7, 5]


def test_an_item_longer_than_the_budget_goes_alone():
    window: batching.Batcher[str] = batching.Batcher(100, 8, 0.0, 100)
    window.add("long", 500, 0.0)
    window.add("short", 5, 0.0)

    assert window.take(0.0) == ["long"]
    assert window.take(0.0) == ["short"]
