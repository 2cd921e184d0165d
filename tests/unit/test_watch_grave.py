import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.counts.core.cells import SOURCES_KEPT
from consumers.counts.core.cells import hash_of as hash_in_cells
from consumers.watch.core.events import OLDEST, REMEMBERED, Events, Limits, happened
from consumers.watch.core.evidence import Seen
from consumers.watch.core.grave import Graves, found_in
from consumers.watch.core.story import Story
from consumers.watch.core.tiers import CUT, hash_of, tiers_of
from consumers.watch.lists import grave_events, trusted_sources
from groundswell.errors import InputError

GRAVES = grave_events()
TIERS = tiers_of(["wire"])
NOW = 30_000_000


def told(title, negative=0.95, topics=()):
    return Story("s", title, "wire", "", NOW * 60_000, negative, minute=NOW, topics=topics)


def story(number, minute=NOW, **changes):
    base = Story(
        f"s{number}", "Acme files for bankruptcy", "wire", "", minute * 60_000, 0.95, minute=minute
    )
    return msgspec.structs.replace(base, **changes)


@pytest.mark.parametrize(
    ("title", "event"),
    [
        ("Acme DEFAULTS ON $2bn bond", "default"),
        ("Lender Acme goes bust after run", "default"),
        ("某公司债券违约", "default"),
        ("Acme chief charged with fraud", "fraud"),
        ("SEC opens probe into Acme accounts", "probe"),
        ("Moody’s downgrades Acme", "rating cut"),
        ("Ｆｉｔｃｈ cuts Acme to BB", "rating cut"),
    ],
)
def test_what_the_shipped_list_finds(title, event):
    found = found_in(told(title), GRAVES)

    assert found is not None
    assert found.event == event


@pytest.mark.parametrize(
    "title",
    [
        "Acme denies accounting fraud",
        "Acme is not under investigation, says chief",
        "Acme averts debt default with new loan",
        "Acme cleared of insider trading charges",
        "某公司否认违约",
        "Profit falls at Acme",
        "Defaultson named chief of Acme",
        "",
    ],
)
def test_what_it_does_not_find(title):
    assert found_in(told(title), GRAVES) is None


def test_a_taken_back_phrase_does_not_hide_another():
    assert (
        found_in(told("Acme denies accounting fraud as SEC opens probe"), GRAVES).event == "probe"  # type: ignore[union-attr]
    )


def test_an_unsure_label_is_not_enough():
    assert found_in(told("Acme files for bankruptcy", negative=0.79), GRAVES) is None


def test_a_topic_that_names_the_event_is_enough():
    assert found_in(told("Bad day for Acme", topics=("fraud",)), GRAVES).by == "fraud"  # type: ignore[union-attr]


@given(st.text(max_size=300))
def test_any_title_can_be_read(title):
    found = found_in(told(title), GRAVES)

    assert found is None or found.event in GRAVES.events


def test_a_source_is_trusted_by_its_name_in_any_common_case_and_never_by_a_link():
    tiers = tiers_of(["Dow Jones", "ft.com"])

    assert all(tiers.trusts(name) for name in ("Dow Jones", "dow jones", "DOW JONES", "ft.com"))
    assert not tiers.trusts("ft.com.evil.test")
    out = happened(
        Events(0),
        NOW,
        {"all": [story(1, source="blog", url="https://wire/1")]},
        (GRAVES, tiers),
        Limits(),
    )
    assert out.raised == ()


def test_hashes_are_those_of_the_counts():
    assert hash_of("Reuters") == hash_in_cells("Reuters")
    assert CUT == SOURCES_KEPT
    seen = Seen(1, 1, sources=(hash_of("wire"), 5))
    assert TIERS.marked(seen).trusted == (hash_of("wire"),)
    assert TIERS.may_trust(seen)
    assert not TIERS.may_trust(Seen(1, 1, sources=(5,)))
    assert TIERS.may_trust(Seen(1, 1, sources=tuple(range(CUT))))


def test_a_story_is_told_once_in_its_narrowest_series():
    first = happened(
        Events(0),
        NOW,
        {n: [story(1)] for n in ("all", "topic:credit", "entity:acme")},
        (GRAVES, TIERS),
        Limits(),
    )
    again = happened(
        first.state, NOW + 1, {"topic:legal": [story(1, NOW + 1)]}, (GRAVES, TIERS), Limits()
    )

    assert [r.told.series for r in first.raised] == ["entity:acme"]
    assert again.raised == ()


def test_it_ends_by_itself():
    limits = Limits(lasting=3)
    out = happened(Events(0), NOW, {"all": [story(1)]}, (GRAVES, TIERS), limits)
    ended = []
    for minute in range(NOW + 1, NOW + 10):
        out = happened(out.state, minute, {}, (GRAVES, TIERS), limits)
        ended += [(minute, t.story) for t in out.ended]

    assert ended == [(NOW + 3, "s1")]


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "blog"},
        {"published": (NOW - OLDEST - 1) * 60_000},
        {"minute": NOW - 5},
        {"negative": 0.1},
        {"title": "Profit up"},
    ],
)
def test_what_is_no_event(changes):
    news = {"all": [story(1, **changes)]}

    assert happened(Events(0), NOW, news, (GRAVES, TIERS), Limits()).raised == ()


def test_nothing_is_told_of_what_was_before_the_first_start():
    assert not happened(Events(NOW + 1), NOW, {"all": [story(1)]}, (GRAVES, TIERS), Limits()).raised


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 30), st.sampled_from(("all", "topic:credit"))),
        max_size=60,
    ),
    st.integers(1, 4),
)
def test_no_hour_has_more_than_the_cap_no_story_two_and_none_is_lost(arrivals, an_hour):
    state, raised, minute = Events(0), [], NOW
    for gap, number, series in arrivals:
        minute += gap
        out = happened(
            state, minute, {series: [story(number, minute)]}, (GRAVES, TIERS), Limits(an_hour)
        )
        assert out == happened(
            state, minute, {series: [story(number, minute)]}, (GRAVES, TIERS), Limits(an_hour)
        )
        state = out.state
        raised += [(minute, r.told.story) for r in out.raised]
    stories = {f"s{number}" for _, number, _ in arrivals}

    assert len({name for _, name in raised}) == len(raised)
    for at, _ in raised:
        assert sum(at - 60 < other <= at for other, _ in raised) <= an_hour
    assert sum(t.held_back for t in state.told) == len(stories) - len(raised)
    assert {t.story for t in state.told} == stories


def test_a_story_is_remembered_as_long_as_copies_come():
    state, raised = Events(0), 0
    for minute in range(NOW, NOW + 3 * REMEMBERED, REMEMBERED - 10):
        out = happened(state, minute, {"all": [story(1, minute)]}, (GRAVES, TIERS), Limits())
        state, raised = out.state, raised + len(out.raised)

    assert raised == 1
    assert happened(state, NOW + 9 * REMEMBERED, {}, (GRAVES, TIERS), Limits()).state.told == ()


def test_the_shipped_lists_are_read_and_bad_ones_are_named(tmp_path):
    assert trusted_sources().trusts("Reuters")
    assert not Graves().events
    for text, why in (
        ("trusted: 3", "trusted"),
        ("trust: [a]", "trust"),
        ("trusted: [no]", "str"),
        ("{", "line"),
    ):
        file = tmp_path / "list.yaml"
        file.write_text(text)
        with pytest.raises(InputError, match=why) as caught:
            trusted_sources(file)
        assert str(file) in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        grave_events(tmp_path / "none.yaml")
    file.write_text("negative: 3")  # type: ignore[possibly-undefined]
    with pytest.raises(InputError, match="probability"):
        grave_events(file)
