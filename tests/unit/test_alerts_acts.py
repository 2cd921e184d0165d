"""`groundswell alerts ack | silence | resolve | judge`, over SQLite."""

import re

import pytest

from tests.desk_world import M0, RATES


@pytest.mark.parametrize("command", [("show",), ("ack",), ("resolve",), ("silence",), ("snooze",)])
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


def test_a_person_assigns_hands_on_and_lets_go(desk):
    code, out, _ = desk.run(
        "assign", desk.ids[1], desk.ids[0], "--to", "rates\x1b desk", "--as", "ann"
    )

    assert code == 0
    assert out.splitlines() == [f"{n} assigned to rates desk by ann" for n in desk.ids[1::-1]]
    held = desk.json("show", desk.ids[1])["alert"]["assigned"]
    assert (held["to"], held["actor"]) == ("rates\x1b desk", "ann")
    shown = desk.run("show", desk.ids[1])[1]
    assert re.search(r"assigned +to rates desk, by ann at", shown)
    assert re.search(r"» assign +ann +to rates desk", shown)
    assert "→ rates desk" in desk.run("list")[1]
    listed = desk.json("list", "--assigned", "rates\x1b desk")["alerts"]
    assert {one["id"] for one in listed} == set(desk.ids[:2])
    assert desk.run("assign", desk.ids[1], "--nobody", "--as", "bob")[0] == 0
    assert desk.json("show", desk.ids[1])["alert"]["assigned"] is None
    assert re.search(r"» assign +bob +to nobody", desk.run("show", desk.ids[1])[1])


def test_a_person_comments_also_on_what_is_over(desk):
    for name in desk.ids[:2]:
        code, out, _ = desk.run("comment", name, "the bank\x1b has confirmed", "--as", "ann")
        assert (code, out) == (0, f"{name} commented on by ann\n")
        found = desk.json("show", name)
        assert found["history"][-1]["cause"] == "the bank\x1b has confirmed"
        assert found["alert"]["commented"]["actor"] == "ann"
        assert re.search(r"» comment +ann +the bank has confirmed", desk.run("show", name)[1])


def test_a_person_snoozes_until_worse(desk):
    name = desk.fire("topic:gold", M0 + 900)
    code, out, _ = desk.run("snooze", name, "--as", "ann", "--comment", "known")

    assert code == 0
    assert out == (
        f"{name} snoozed by ann until it is critical, or its effect is ×8.3, or it is over "
        "and comes back\n"
    )
    found = desk.json("show", name)["alert"]
    assert "snoozed" in found["flags"]
    assert found["snoozed"]["worse_at"] == pytest.approx(8.29, abs=0.01)
    assert found["ratio"] == pytest.approx(4.146, abs=0.001)
    assert re.search(r"snoozed +by ann at .*, until it is critical, or", desk.run("show", name)[1])
    critical = desk.run("snooze", desk.ids[1], "--as", "ann")[1]
    assert critical.endswith("by ann until its effect is ×8.3, or it is over and comes back\n")
    code, _, err = desk.run("snooze", desk.ids[0])
    assert (code, err) == (1, f"groundswell: {desk.ids[0]}: already resolved\n")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("assign",), "say to whom: --to NAME, or --nobody"),
        (("assign", "--to", "bob", "--nobody"), "say to whom"),
        (("assign", "--to", " "), "--to: a person or a team"),
        (("assign", "--to", "x" * 101), "at most 100 characters"),
        (("comment", " "), "say something"),
        (("comment", "x" * 2001), "TEXT: 2001 characters"),
        (("snooze", "--comment", "x" * 2001), "--comment: 2001 characters"),
    ],
)
def test_what_says_nothing_or_too_much_is_refused(desk, command, says):
    code, out, err = desk.run(command[0], desk.ids[1], *command[1:], "--as", "ann")

    assert (code, out) == (2, "")
    assert says in err
    assert len(desk.json("show", desk.ids[1])["history"]) == 1


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
