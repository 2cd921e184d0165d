"""The laws of folded names, and the series of an opinion's entities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.entities import NAME_KEPT, folded_name
from groundswell.events import Entity
from groundswell.series import ENTITIES_KEPT, entity_series, is_new_in, series_of
from tests.count_world import opinion

NAMES = st.lists(
    st.sampled_from(
        ["Norvik", "AG", "S.A.", "Co", "&", "the", "Ltd.", "İstanbul", "ﬁ", "公司", "-"]
    )
).map(" ".join)


@given(st.text(max_size=100) | NAMES)
def test_folding_a_folded_name_changes_nothing(text):
    folded = folded_name(text)
    assert folded_name(folded) == folded
    assert len(folded) <= NAME_KEPT


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Norvik AG", "norvik"),
        ("NORVIK  A.G.", "norvik"),
        ("The Norvik Holdings, Inc.", "norvik holdings"),
        ("Norvik Co., Ltd.", "norvik"),
        ("Smith & Sons PLC", "smith and sons"),
        ("Smith and Sons", "smith and sons"),
        ("AT&T Corp", "at and t"),
        ("Ｎｏｒｖｉｋ", "norvik"),
        ("Moody's", "moodys"),
        ("Inc.", "inc"),
        ("中国石油股份有限公司", "中国石油"),
        ("有限公司", "有限公司"),
        ("3M", "3m"),
        ("2020", ""),
        ("!?", ""),
        ("x" * (NAME_KEPT + 1), ""),
    ],
)
def test_what_names_whom(text, folded):
    assert folded_name(text) == folded


def named(*texts, kind="ORG", **fields):
    return opinion(
        0, entities=tuple(Entity(text=t, type=kind, start=0, end=1) for t in texts), **fields
    )


def test_companies_have_series_once_each_and_others_none():
    assert entity_series(named("Norvik AG", "norvik", "Aldermoor")) == (
        "entity:norvik",
        "entity:aldermoor",
    )
    assert entity_series(named("Norvik", kind="company")) == ("entity:norvik",)
    assert entity_series(named("Torvenia", kind="LOC")) == ()
    assert entity_series(named("Norvik", read=False)) == ()
    assert series_of(named("Norvik")) == ("all", "topic:rates", "entity:norvik")
    many = entity_series(named(*(f"name{n}x" for n in range(40))))
    assert len(many) == ENTITIES_KEPT


def test_when_a_story_is_new_to_an_entity_or_a_scheme():
    copy = named("Norvik", new_in=())
    assert not is_new_in(copy, "entity:norvik")
    assert not is_new_in(copy, "scheme:x")
    update = named("Norvik", new_in=("topic:rates",))
    assert not is_new_in(update, "entity:norvik")
    assert is_new_in(update, "scheme:x")
    assert is_new_in(named("Norvik", new_in=("entity:norvik",)), "entity:norvik")
    older = named("Norvik", new_in=("all", "topic:rates"))  # a release without entities wrote it
    assert is_new_in(older, "entity:norvik")
    assert is_new_in(named("Norvik"), "entity:norvik")
