"""`groundswell alerts list | show`, over SQLite."""

import re

import pytest

from tests.desk_world import BANKS, M0, RATES, evidence


def test_the_list_tells_state_and_severity_by_sign_and_word(desk):
    code, out, _ = desk.run("list")

    assert code == 0
    entity, banks, rates = out.splitlines()[2:]
    assert "● firing" in banks
    assert "‼ critical" in banks
    assert "inhibited" in banks
    assert "✓ resolved" in rates
    assert "! warning" in rates
    assert "2026-02-16 00:00" in rates
    assert "17 / 4.1 (×4.1)" in rates
    assert "11.3" in rates
    assert re.search(r"event .*entity:acme .* –  +–", entity)
    for line, name in zip((rates, banks, entity), desk.ids, strict=True):
        assert name in line


def test_a_narrow_terminal_still_shows_whole_ids(desk, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = re.sub(r"\x1b\[[0-9;]*m", "", desk.run("list")[1])

    assert all(name in out for name in desk.ids)
    assert max(map(len, out.splitlines())) <= 80
    for word in ("firing", "resolved", "critical"):
        assert word in out


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), {0, 1, 2}),
        (("--state", "firing"), {1, 2}),
        (("--state", "resolved", "--state", "recovering"), {0}),
        (("--kind", "event"), {2}),
        (("--series", RATES, "--series", BANKS), {0, 1}),
        (("--severity", "critical"), {1}),
        (("--since", "2026-02-16T01:05"), {1, 2}),
        (("--since", "2026-02-16T09:01+08:00", "--until", "2026-02-16 05:00Z"), {1}),
        (("--until", "2026-02-16T01:10"), {0}),
        (("--since", "1m"), set()),
        (("--judged",), {1}),
        (("--unjudged",), {0, 2}),
        (("--acked",), {2}),
        (("--unacked",), {0, 1}),
    ],
)
def test_the_list_is_filtered(desk, options, wanted):
    assert desk.run("judge", desk.ids[1], "miss", "--reason", "old")[0] == 0
    assert desk.run("ack", desk.ids[2])[0] == 0

    found = desk.json("list", *options)["alerts"]

    assert {alert["id"] for alert in found} == {desk.ids[n] for n in wanted}


def test_the_list_comes_in_pages(desk):
    code, out, _ = desk.run("list", "--limit", 2)
    assert code == 0
    place = re.search(r"^more: --after (\S+)$", out, re.MULTILINE)
    assert place
    first, second = desk.json("list", "--limit", 2), desk.json("list", "--after", place[1])

    assert first["next"] == place[1]
    assert [a["id"] for a in first["alerts"] + second["alerts"]] == desk.ids[::-1]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--state", "burning"), "--state burning: must be one of learning, normal"),
        (("--kind", "x"), "--kind x: must be one of surge, umbrella"),
        (("--severity", "x"), "--severity x: must be one of warning"),
        (("--since", "soon"), "--since 'soon': must be like 2026-03-01"),
        (("--until", "2026-13-01"), "--until '2026-13-01': must be like"),
        (("--limit", "0"), "Usage"),
    ],
)
def test_what_cannot_be_asked_is_said(desk, options, says):
    code, _, err = desk.run("list", *options)

    assert code == 2
    assert says in err


def test_a_page_that_is_none_is_refused(desk):
    code, _, err = desk.run("list", "--after", "x")

    assert code == 1
    assert "is no beginning of a page" in err


def test_one_alert_is_shown_with_everything(desk):
    name = desk.ids[0]
    desk.run("judge", name, "hit", "--reason", "it lasted", "--as", "ann")
    code, out, _ = desk.run("show", name[:5])

    assert code == 0
    out = " ".join(out.split())
    for words in (
        f"id {name}",
        "onset 2026-02-16 00:00 UTC",
        "fired 2026-02-16 01:00 UTC",
        "lasted 2 h 20 min",
        "17 negative stories against 4.10 expected: ×4.15 (95 % interval 2.51 … 6.49)",
        "17 of 21 stories negative: 81% (61% … 93%), usually 20%",
        "sources 3, 1 of the trusted tier",
        "ln M = 11.30, threshold 10.45, highest 11.30",
        "1. Rate rise feared, bonds fall",
        "wire 2026-02-16 00:00 UTC P(negative) 0.97 told 3 times by 2 sources",
        "https://x.test/1",
        "the evidence reached the threshold",
        "it went on looking usual",
        "hit ann it lasted",
        "budget 0.5 false alarms a day over 12 series",
        "bundles default-1",
        "delta_volume 0.3",
    ):
        assert words in out


def test_each_figure_is_computed_again(desk):
    out = desk.run("show", desk.ids[0])[1]

    for name in ("ratio", "ratio interval", "share", "share interval", "threshold"):
        assert re.search(rf"^  {name}: .* ✓ as stored$", out, re.MULTILINE), name
    assert "topic:rates in the minutes from 2026-02-16 00:00 to 2026-02-16 01:00 UTC" in out


def test_a_figure_that_does_not_follow_is_named(desk):
    wrong = {**desk.json("show", desk.ids[0])["alert"]["evidence"]["effect"], "ratio": 9.5}
    name = desk.fire(RATES, M0 + 900, evidence=evidence(RATES, M0 + 840, effect=wrong))

    out = desk.run("show", name)[1]

    assert "ratio: 17 / 4.1 = 4.146  ✗ stored: 9.5" in out
    assert "share: 17 / 21 = 0.8095  ✓ as stored" in out


def test_crawled_text_neither_steers_the_terminal_nor_is_markup(desk):
    out = desk.run("show", desk.ids[0])[1]

    assert "[bold red]not markup[/]" in out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", out)


def test_words_are_shown_where_the_evidence_carries_them(desk):
    stories = [{"title": "t", "words": ["fear", ["loss", 0.4], 7]}, {"title": 3}, None]
    name = desk.fire(RATES, M0 + 900, evidence=evidence(RATES, M0 + 840, stories=stories))

    assert "words: fear, loss" in desk.run("show", name)[1]


@pytest.mark.parametrize("odd", [b"[]", b"{}", b"{", b'{"effect": 3, "tier": "\\u001b[2J"}'])
def test_evidence_of_another_kind_is_shown_as_it_is(desk, odd):
    name = desk.fire(RATES, M0 + 900, evidence=odd)

    code, out, _ = desk.run("show", name)

    assert code == 0
    assert "\x1b" not in out
    assert ("tier" in out) == (b"tier" in odd)


def test_an_event_is_shown_with_its_story(desk):
    held = b'{"story": {"title": "Acme defaults", "negative": 0.99}, "by": "default"}'
    out = desk.run("show", desk.fire("entity:acme", M0 + 900, "event", evidence=held))[1]

    assert "1. Acme defaults" in out
    assert "time not known  P(negative) 0.99  told once" in out
    assert " ".join(out.split()).endswith("The detector by default")


def test_an_umbrella_is_shown_with_its_series(desk):
    held = b'{"minute": 1, "members": ["topic:a", "topic:b"], "series": 9, "parameters": {}}'
    name = desk.fire("market", M0 + 900, "umbrella", evidence=held)

    assert "Series under it\n  topic:a, topic:b\n" in desk.run("show", name)[1]


def test_records_that_are_not_there_are_not_made(desk, tmp_path):
    desk.url = f"sqlite:///{tmp_path}/other.db"
    code, _, err = desk.run("list")

    assert code == 2
    assert "there is no file" in err
    assert not (tmp_path / "other.db").exists()
    (tmp_path / "other.db").touch()
    assert "is empty: run `groundswell records upgrade`" in desk.run("list")[2]


def test_no_alert_is_said(desk):
    assert desk.run("list", "--series", "none")[:2] == (0, "no such alert\n")
