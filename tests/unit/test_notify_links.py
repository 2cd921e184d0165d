"""Signed links in messages: which, in whose name, for how long, and what gives way where there is no room."""

import json
import re

import msgspec
import pytest

from consumers.notify.app import leads_of
from consumers.notify.core import payloads
from consumers.notify.core.leads import Leads, links
from consumers.notify.core.matching import facts_of, lines_of
from consumers.records.notices.values import Line
from groundswell.action_links import link_keys, opened
from groundswell.settings import Settings
from tests.notify_world import alert
from tests.unit.test_notify_payloads import item, message

KEYS = link_keys("a key")
LEADS = Leads("https://desk.test/g/", KEYS, 3600)
AT = 1_700_000_000
TOKEN = re.compile(r"https://desk\.test/g/a/([\w.-]+)")


def alerts(count=1, **more):
    return [item(n, alert=f"{n:016x}-28333333", **more) for n in range(count)]


def told(*items, **more):
    return message(*items, owner="ann", **more)


MADE = {
    "webhook": lambda m: payloads.webhook(m, LEADS).decode(),
    "dingtalk": lambda m: payloads.dingtalk(m, LEADS)["markdown"]["text"],
    "feishu": lambda m: json.dumps(payloads.feishu(m, LEADS), ensure_ascii=False),
    "wecom": lambda m: payloads.wecom(m, LEADS)["markdown"]["content"],
    "text": lambda m: payloads.text(m, leads=LEADS),
}


def allowed(said):
    return [opened(token, KEYS, AT) for token in TOKEN.findall(said)]


@pytest.mark.parametrize("kind", MADE)
def test_every_channel_has_links_to_open_acknowledge_and_snooze(kind):
    (one,) = alerts()
    found = allowed(MADE[kind](told(one)))
    assert [a.action for a in found] == ["open", "acknowledge", "snooze"]
    assert {(a.alert, a.expires, a.who) for a in found} == {(one.alert, AT + 3600, "ann")}


@pytest.mark.parametrize(
    ("more", "actions"),
    [
        ({"state": "resolved"}, ["open"]),
        ({"acknowledged": "bob"}, ["open", "snooze"]),
        ({}, ["open", "acknowledge", "snooze"]),
    ],
)
def test_only_what_makes_sense_is_offered(more, actions):
    (one,) = alerts(**more)
    assert list(links(LEADS, told(one), one)) == actions
    assert list(links(LEADS, told(one), one, "open")) == ["open"]
    assert links(LEADS, told(one), one, "none") == links(None, told(one), one) == {}
    assert links(LEADS, message(one), one) == {}, "nobody's name is known"


@pytest.mark.parametrize("kind", MADE)
def test_a_message_has_the_same_links_each_time_that_it_is_tried(kind):
    one = told(*alerts(3))
    assert MADE[kind](one) == MADE[kind](
        msgspec.json.decode(msgspec.json.encode(one), type=type(one))
    )


def test_names_as_they_are_and_in_chinese():
    (one,) = alerts()
    said = payloads.text(told(one), leads=LEADS)
    assert re.search(r"^Open: https://desk\.test/g/a/v1\.open\.", said, re.MULTILINE)
    assert re.search(r"^Snooze until worse: https", said, re.MULTILINE)
    assert "[确认](https://desk.test" in payloads.text(
        told(one, language="zh"), marked=True, leads=LEADS
    )


@pytest.mark.parametrize("kind", MADE)
def test_stories_of_every_alert_that_is_shown_are_opened_before_links_and_alerts_before_both(kind):
    many = told(*alerts(10), total=10)
    said = MADE[kind](many)
    shown = [n for n in range(10) if f"https://news.test/{n}/0" in said]
    assert shown
    for n in shown:
        assert all(f"https://news.test/{n}/{story}" in said for story in range(3))
        assert {a.action for a in allowed(said) if a.alert.startswith(f"{n:016x}")} >= {"open"}
    if kind != "wecom":
        assert len(shown) == 10


def test_where_there_is_little_room_links_that_act_give_way_then_alerts():
    def acts(said):
        return sum(a.action != "open" for a in allowed(said))

    few, several = MADE["wecom"](told(*alerts(2))), MADE["wecom"](told(*alerts(6), total=6))
    assert acts(few) == 4
    assert acts(several) == 0
    assert len(allowed(several)) == 6
    assert all(len(said.encode()) <= payloads.WECOM_BYTES for said in (few, several))


def test_stories_with_too_long_addresses_give_way_to_those_that_open():
    long = [Line(f"Long {n}", "https://news.test/" + "x" * 1900, "wire", 0) for n in range(2)]
    short = [Line(f"Short {n}", f"https://short.test/{n}", "wire", 0) for n in range(3)]
    (one,) = alerts()
    one = msgspec.structs.replace(one, stories=(*long, *short))
    said = MADE["wecom"](told(one))
    assert all(f"https://short.test/{n}" in said for n in range(3))
    assert len(allowed(said)) == 3


def test_of_stories_of_evidence_those_that_can_be_opened_come_first_each_once():
    stories = [
        {"title": "No address", "url": ""},
        {"title": "One", "url": "https://a.test/1"},
        {"title": "One, again", "url": "https://a.test/1"},
        {"title": "Two", "url": "https://a.test/2"},
        {"title": "No address", "url": ""},
        {"title": "Three", "url": "https://a.test/3"},
        {"title": "Too long", "url": "https://a.test/" + "x" * 2000},
    ]
    found = lines_of(facts_of(alert(evidence=msgspec.json.encode({"stories": stories}))))
    assert [line.title for line in found] == ["One", "Two", "Three", "No address", "Too long"]


def test_without_public_url_it_is_said_once_that_there_are_no_links(capsys, tmp_path):
    file = tmp_path / "key"
    assert leads_of(Settings(secrets_key_file=file)) is None
    assert capsys.readouterr().out.count("no_links") == 1
    leads = leads_of(
        Settings(secrets_key_file=file, public_url="https://g.test", notify_link_hours=2)
    )
    assert leads is not None
    assert (leads.base, leads.seconds) == ("https://g.test", 7200)
    assert leads.keys == link_keys(file.read_text())
    assert "no_links" not in capsys.readouterr().out
    assert str(leads.keys[0]) not in repr(leads)
