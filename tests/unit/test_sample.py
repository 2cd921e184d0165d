from collections import Counter
from itertools import islice, takewhile

from consumers.adapters.memory_stories import MemoryStories
from consumers.up.sample import Surge, load_texts, rate_at, stream, surge_for
from tests.story_world import told

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
    at = [i.at for i in items if any(title in i.title for title in bad)]

    assert len(at) > 200
    assert min(at) >= 29
    assert max(at) < 61


def test_copies_come_edited_from_other_outlets():
    items = take(2000)
    by_id = {i.id: i for i in items}
    copies = [i for i in items if i.copy_of]

    assert 0.05 < len(copies) / 2000 < 0.2
    assert all(by_id[i.copy_of].title in i.title for i in copies)
    assert len({i.title for i in copies} - {by_id[i.copy_of].title for i in copies}) > 100


def test_the_stories_of_the_surge_are_told_once_each_over_its_whole_length_and_copied_meanwhile():
    surge = Surge(0, 30)
    items = list(takewhile(lambda i: i.at < 30, stream(TEXTS, 30, surge, 5)))
    bad = {t.title for t in TEXTS if t.surge}
    told_now = [i for i in items if i.text in bad and not i.copy_of]
    copies = [i for i in items if i.text in bad and i.copy_of]

    assert len({i.text for i in told_now}) == len(told_now)
    assert len(told_now) > 0.95 * len(bad)
    assert all(i.title == i.text for i in told_now)
    halves = Counter(i.at < 15 for i in told_now)
    assert abs(halves[True] - halves[False]) < 0.1 * len(bad)
    assert len(copies) > 2 * len(told_now)

    store = MemoryStories(24, 10_000)
    news = [i for i in (*told_now, *copies) if i.channel == "news"]
    asked = [told(n, i.title, source=i.source) for n, i in enumerate(news)]
    places = dict(zip((i.id for i in news), store.place_now(asked), strict=True))
    joined = sum(places[i.id].story == places[i.copy_of].story for i in news if i.copy_of)
    assert joined > 0.95 * sum(bool(i.copy_of) for i in news)
    assert sum(places[i.id].why != "new" for i in news if not i.copy_of) <= 1


def test_each_text_is_told_anew_and_copies_are_one_story():
    items = [i for i in take(1500) if i.channel != "post"]
    store = MemoryStories(24, 10_000)
    asked = [told(n, i.title, source=i.source) for n, i in enumerate(items)]
    places = dict(zip((i.id for i in items), store.place_now(asked), strict=True))

    copies = [i for i in items if i.copy_of]
    joined = sum(places[i.id].story == places[i.copy_of].story for i in copies)
    merged = sum(places[i.id].why != "new" for i in items if not i.copy_of)
    assert joined > 0.95 * len(copies)
    assert merged < 0.01 * len(items)


def test_a_surge_fits_a_bounded_run():
    assert surge_for(30) == Surge(10, 20)
    assert surge_for(0) == Surge(20, 50)
    assert rate_at(40, 10, surge_for(0)) > rate_at(100, 10, surge_for(0)) + 4
