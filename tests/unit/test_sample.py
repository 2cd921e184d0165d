from collections import Counter
from itertools import islice, takewhile

from consumers.up.sample import Surge, load_texts, rate_at, stream, surge_for

TEXTS = load_texts()
NEVER = Surge(0, 0)


def take(count, seed=0, surge=NEVER, rate=10):
    return list(islice(stream(TEXTS, rate, surge, seed), count))


def test_the_same_seed_gives_the_same_stream():
    assert take(200, seed=3) == take(200, seed=3)
    assert take(200, seed=3) != take(200, seed=4)


def test_times_rise_and_ids_differ():
    items = take(500)

    assert [i.at for i in items] == sorted(i.at for i in items)
    assert len({i.id for i in items}) == 500


def test_the_mean_rate_over_days_is_the_rate_asked_for():
    items = list(takewhile(lambda i: i.at < 600, stream(TEXTS, 20, NEVER, 1)))

    assert 11_000 < len(items) < 13_000


def test_night_is_quieter_than_day():
    items = list(takewhile(lambda i: i.at < 600, stream(TEXTS, 20, NEVER, 2)))
    halves = Counter(i.at % 60 < 30 for i in items)

    assert halves[True] > 1.5 * halves[False]


def test_the_surge_stands_in_its_time_and_nowhere_else():
    bad = {t.title for t in TEXTS if t.surge}
    surge = Surge(30, 60)
    items = list(takewhile(lambda i: i.at < 90, stream(TEXTS, 20, surge, 5)))
    at = [i.at for i in items if i.title in bad]

    assert len(at) > 300
    assert min(at) >= 29
    assert max(at) < 61


def test_copies_come_edited_from_other_outlets():
    titles = {t.title for t in TEXTS}
    items = take(2000)
    copies = [i for i in items if i.title not in titles]

    assert 0.05 < len(copies) / 2000 < 0.2
    assert all(any(t in i.title for t in titles) for i in copies)


def test_a_surge_fits_a_bounded_run():
    assert surge_for(30) == Surge(10, 20)
    assert surge_for(0) == Surge(40, 80)
    assert rate_at(50, 10, surge_for(0)) > rate_at(110, 10, surge_for(0)) + 9
