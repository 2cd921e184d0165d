"""`groundswell alerts list | show | ack | silence | resolve | judge`, over SQLite."""

import re
import shutil

import pytest

from tests.desk_world import M0, Desk, Written, evidence

RATES, BANKS = "topic:rates", "topic:banks"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A database with three alerts, and their ids."""
    file = tmp_path_factory.mktemp("desk") / "r.db"
    made = Written(f"sqlite:///{file}")
    made.fire(RATES, M0 + 60)
    made.fire(BANKS, M0 + 70, severity="critical", inhibited_by="0123-1")
    made.end(made.ids[0], RATES, M0 + 200)
    made.fire("entity:acme", M0 + 300, "event", about="fraud", peak=0.0, evidence=b'{"tier": "a"}')
    made.close()
    return file, made.ids


@pytest.fixture
def desk(written, tmp_path, capsys, monkeypatch):
    file, ids = written
    shutil.copy(file, tmp_path / "r.db")
    made = Desk(f"sqlite:///{tmp_path}/r.db", M0 + 300, list(ids), None, capsys, monkeypatch)
    yield made
    made.close()


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


def test_an_umbrella_is_shown_with_its_series(desk):
    held = b'{"minute": 1, "members": ["topic:a", "topic:b"], "series": 9, "parameters": {}}'
    name = desk.fire("market", M0 + 900, "umbrella", evidence=held)

    assert "Series under it\n  topic:a, topic:b\n" in desk.run("show", name)[1]


@pytest.mark.parametrize("command", [("show",), ("ack",), ("resolve",), ("silence",)])
def test_an_unknown_or_ambiguous_name_is_answered(desk, command):
    again = desk.fire(RATES, M0 + 900)

    code, out, err = desk.run(*command, "ffff\x1b")
    assert (code, out) == (1, "")
    assert "no alert has an id that begins with ffff" in err
    code, out, err = desk.run(*command, again[:16])
    assert (code, out) == (1, "")
    assert f"{again[:16]} begins the ids of 2 alerts" in err
    assert f"{again}  firing  topic:rates" in err
    assert f"{desk.ids[0]}  resolved  topic:rates" in err


def test_nothing_is_done_where_one_of_the_names_is_not_clear(desk):
    code, out, _ = desk.run("ack", desk.ids[1], "nothing")

    assert (code, out) == (1, "")
    assert desk.json("list", "--acked")["alerts"] == []


def test_a_person_acknowledges(desk, monkeypatch):
    monkeypatch.setenv("LOGNAME", "bea")
    code, out, _ = desk.run("ack", desk.ids[1][:6], desk.ids[2][:6], "--comment", "I look\x1b[2J")

    assert code == 0
    assert out.splitlines() == [f"{name} acknowledged by bea" for name in desk.ids[1:]]
    found = desk.json("show", desk.ids[1])
    assert found["alert"]["flags"] == ["acknowledged", "inhibited"]
    assert found["alert"]["acknowledged"]["actor"] == "bea"
    last = found["history"][-1]
    assert (last["action"], last["actor"]) == ("acknowledge", "bea")
    shown = desk.run("show", desk.ids[1])[1]
    assert "» acknowledge" in shown
    assert "I look [2J" in shown
    assert "\x1b" not in shown


def test_a_person_silences_for_a_time(desk):
    code, out, _ = desk.run("silence", desk.ids[1], "--for", "2h", "--as", "ann")

    assert code == 0
    assert re.fullmatch(rf"{desk.ids[1]} silenced by ann until \d{{4}}-.* UTC\n", out)
    assert "silenced" in desk.json("show", desk.ids[1])["alert"]["flags"]
    assert desk.run("silence", desk.ids[1], "--as", "ann")[1].endswith("ann until it ends\n")
    assert desk.json("show", desk.ids[1])["alert"]["silenced"]["until"] is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--for", "2h", "--until", "2030-01-01"), "not both"),
        (("--for", "31d"), "within 30 days"),
        (("--until", "2020-01-01"), "must end in the future"),
        (("--for", "a while"), "--for 'a while': must be a span"),
        (("--for", "0h"), "--for '0h': must be a span"),
        (("--as", "watch"), "the program's own name"),
        (("--as", " "), "say who you are"),
        (("--as", "x" * 101), "say who you are"),
        (("--comment", "x" * 2001), "--comment: 2001 characters"),
    ],
)
def test_a_silence_that_cannot_be_is_refused(desk, options, says):
    code, _, err = desk.run("silence", desk.ids[1], *options)

    assert code == 2
    assert says in err
    assert desk.json("show", desk.ids[1])["alert"]["silenced"] is None


def test_a_person_resolves_once(desk):
    assert desk.run("resolve", desk.ids[1], "--as", "ann", "--comment", "a feed fault")[0] == 0
    code, out, err = desk.run("resolve", desk.ids[1], desk.ids[2], "--as", "ann")

    assert code == 1
    assert f"{desk.ids[1]}: already resolved" in err
    assert out == f"{desk.ids[2]} resolved by ann\n"
    assert desk.json("show", desk.ids[1])["alert"]["state"] == "resolved"
    assert "a person resolved it" in desk.run("show", desk.ids[1])[1]
    assert "already resolved" in desk.run("ack", desk.ids[0])[2]


def test_only_a_silence_with_an_end_outlasts_an_alert(desk):
    code, _, err = desk.run("silence", desk.ids[0])
    assert code == 1
    assert "already resolved; give --for or --until" in err
    assert desk.run("silence", desk.ids[0], "--for", "1h")[0] == 0


def test_a_person_judges(desk):
    assert desk.run("judge", desk.ids[0], "void", "--reason", "a test", "--as", "ann")[0] == 0
    assert desk.run("judge", desk.ids[0], "miss", "--reason", "old news", "--as", "bob")[0] == 0

    found = desk.json("show", desk.ids[0])
    said = [(v["judgement"], v["actor"], v["reason"]) for v in found["verdicts"]]
    assert said == [("void", "ann", "a test"), ("miss", "bob", "old news")]
    assert found["alert"]["verdict"]["judgement"] == "miss"
    code, _, err = desk.run("judge", desk.ids[0], "maybe", "--reason", "x")
    assert code == 2
    assert "judgement maybe: must be one of hit, miss, void" in err
    assert desk.run("judge", "nothing", "hit", "--reason", "x")[0] == 1
    assert desk.run("judge", desk.ids[0], "hit")[0] == 2


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
