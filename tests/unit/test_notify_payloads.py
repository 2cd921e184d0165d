"""What a message is on each channel: why it came, its stories, its limits, and hostile news made harmless."""

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.notify.core import payloads
from consumers.notify.core.combining import is_late, merged
from consumers.notify.core.words import HELD, REASONS, WORDS, cut, link, markdown, plain
from consumers.records.notices.values import Item, Line, Message, Reason, Withheld

HOSTILE = [
    "<script>alert(1)</script>",
    "[click](https://evil.test)",
    "![x](https://evil.test/i.png)",
    "@all @everyone @here",
    "<at user_id='all'></at>",
    "# heading\n\n**bold**\r\n- item",
    "a\u202eb\u2066c\ufeffd\x00\x1b[31m",
    "`code` ~~x~~ |a|b|",
    "<!channel> <@U123>",
    "\u200bhttps://evil.test",
    "中文标题" * 200,
]


def item(number=0, stories=5, title="Bank in trouble", **more):
    lines = tuple(
        Line(f"{title} {n}", f"https://news.test/{number}/{n}", "The Wire", 1_700_000_000_000)
        for n in range(stories)
    )
    given_ = {
        "alert": f"a{number}", "sequence": 1, "kind": "surge", "series": "topic:rates",
        "about": "tone", "severity": "critical", "state": "firing", "change": "first_notification",
        "onset": 1, "resolved": None, "ratio": 4.2, "observed": 21, "expected": 5.0,
        "acknowledged": "", "stories": lines, "stories_total": stories,
    }  # fmt: skip
    return Item(**{**given_, **more})


def message(*items, **more):
    items = items or (item(),)
    given_ = {
        "subscription": "s1", "name": "rates", "group": "g", "reason": "first_notification",
        "at": 1_700_000_000_000, "items": items, "total": len(items), "firing": len(items),
        "resolved": 0, "number": 1,
    }  # fmt: skip
    return Message(**{**given_, **more})


MADE = {
    "webhook": lambda m: payloads.webhook(m).decode(),
    "dingtalk": lambda m: payloads.dingtalk(m)["markdown"]["text"],
    "feishu": lambda m: json.dumps(payloads.feishu(m), ensure_ascii=False),
    "wecom": lambda m: payloads.wecom(m)["markdown"]["content"],
    "text": payloads.text,
}


@pytest.mark.parametrize("kind", MADE)
def test_a_message_says_why_it_came_and_opens_its_stories(kind):
    said = MADE[kind](message())
    assert "a new alert" in said.replace("\\", "")
    assert sum(f"https://news.test/0/{n}" in said for n in range(5)) >= 3
    assert "rates" in said
    said = MADE[kind](message(item(stories=2), language="zh", held="quiet_hours"))
    assert "新预警" in said
    assert all(f"https://news.test/0/{n}" in said for n in range(2))


def test_each_of_ten_alerts_opens_three_stories_where_there_is_room():
    many = message(*(item(n) for n in range(10)), total=50)
    for kind in ("webhook", "dingtalk", "feishu", "text"):
        said = MADE[kind](many)
        assert all(f"https://news.test/{n}/2" in said for n in range(10)), kind
    assert "and 40 more alerts" in MADE["text"](many)


@pytest.mark.parametrize("title", HOSTILE)
def test_no_body_is_longer_than_its_channel_bears(title):
    many = message(*(item(n, title=title * 3) for n in range(10)), total=500)
    assert len(payloads.webhook(many)) <= payloads.WEBHOOK_BYTES
    assert len(json.dumps(payloads.dingtalk(many), ensure_ascii=False).encode()) <= 20_000
    assert len(json.dumps(payloads.feishu(many), ensure_ascii=False).encode()) <= 20_480
    assert len(payloads.wecom(many)["markdown"]["content"].encode()) <= 4096
    data = json.loads(payloads.webhook(many))["data"]
    assert data["left_out"] == 500 - len(data["items"])
    assert data["items"], "the first alert is shortened rather than left out"


def test_a_body_that_is_all_address_still_fits():
    long = "https://news.test/" + "x" * 30_000
    fat = item(series="topic:" + "y" * 5000)
    fat = msgspec.structs.replace(
        fat, stories=tuple(Line("t" * 9000, long, "s", 1) for _ in "12345")
    )
    assert len(payloads.webhook(message(fat))) <= payloads.WEBHOOK_BYTES


@pytest.mark.parametrize("title", HOSTILE)
@pytest.mark.parametrize("kind", ["dingtalk", "wecom"])
def test_hostile_news_is_text_in_markdown(kind, title):
    said = MADE[kind](message(item(stories=1, title=title, series=f"scheme:{title}")))
    assert "<script" not in said
    assert "<at" not in said
    assert "](https://evil" not in said
    assert "@all" not in said
    assert "\n# " not in said
    assert not set(said) & set("\u202e\u2066\ufeff\x00\x1b\r")


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_news_is_one_line_of_text_elsewhere(title):
    said = payloads.text(message(item(stories=1, title=title)))
    assert not set(said) & set("\u202e\u2066\ufeff\x00\x1b\r")
    assert "@everyone" not in said
    assert "<!channel" not in said
    assert "<@U" not in said
    post = payloads.feishu(message(item(stories=1, title=title)))["content"]["post"]["zh_cn"]
    tags = {part["tag"] for row in post["content"] for part in row}
    assert tags == {"text", "a"}


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "file:///etc/passwd", "https://a b", "https://u:p@a.test/", "x", "",
     "data:text/html,x", "https://a.test/\u202e", "https://[::1", "https://a.test/" + "x" * 3000],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_no_link(url):
    assert link(url) == ""
    said = MADE["dingtalk"](
        message(msgspec.structs.replace(item(), stories=(Line("t", url, "s", 1),)))
    )
    assert "](" not in said


def test_an_address_cannot_end_its_link_early():
    assert link("https://a.test/x)(y<z>") == "https://a.test/x%29%28y%3Cz%3E"


@given(st.text(), st.integers(3, 200))
def test_text_is_cut_by_bytes_and_never_inside_a_character(text, most):
    made = cut(text, most)
    assert len(made.encode()) <= most
    kept = made.removesuffix("…")
    assert text.encode("utf-8", "replace").decode().startswith(kept)


@given(st.text())
def test_plain_text_is_one_line_and_shown_as_it_is(text):
    said = plain(text)
    assert "\n" not in said
    assert len(said) <= 200
    assert markdown(text).replace("\\", "").count("<") == 0


def test_a_headline_names_the_event():
    said = payloads.text(message(item(kind="event", about="fraud")))
    assert "[critical] rates: event (fraud) - firing" in said


def test_the_types_of_events():
    reasons = {
        "first_notification": "alert.firing",
        "severity_raised": "alert.updated",
        "all_alerts_resolved": "alert.resolved",
        "ack_changed": "alert.acknowledged",
        "digest": "digest.ready",
        "test": "test",
        "receiver_failed": "receiver.failed",
    }
    for reason, kind in reasons.items():
        assert payloads.event_type(message(reason=reason)) == kind


def test_every_reason_has_its_words_in_both_languages():
    for language in ("en", "zh"):
        assert set(REASONS[language]) == set(get_args(Reason))
        assert set(HELD[language]) <= set(get_args(Withheld))
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def test_an_empty_digest_says_that_nothing_happened():
    empty = message(items=(), total=0, firing=0, reason="digest", name="mine")
    empty = msgspec.structs.replace(empty, items=())
    assert "Nothing happened" in payloads.text(empty)
    assert payloads.title_of(empty) == "mine: your daily digest"


def test_late_messages_are_told_as_one_fired_and_resolved():
    first = message(item(0), item(1))
    over = item(0, state="resolved", sequence=2, change="new_resolved_alerts")
    last = message(over, reason="new_resolved_alerts", firing=1, resolved=1, number=2)
    one = merged([first, last])
    assert (one.number, one.reason, one.total) == (2, "new_resolved_alerts", 2)
    told = {i.alert: (i.state, i.also) for i in one.items}
    assert told == {"a0": ("resolved", "fired_and_resolved"), "a1": ("firing", "")}
    assert "fired and resolved" in payloads.text(one)
    assert is_late(0, 3_600_001)
    assert not is_late(0, 3_600_000)
