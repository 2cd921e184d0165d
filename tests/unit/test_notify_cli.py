"""What a person does about subscriptions at the terminal, over a SQLite file."""

import asyncio
import json
import re
import shlex
from pathlib import Path

import pytest

from consumers.records.database import open_records
from groundswell import cli
from tests.records_world import ID, fired

ADDRESS = "https://hooks.test/very-secret-path?token=abc"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GROUNDSWELL_RECORDS_URL", f"sqlite:///{tmp_path}/r.db")
    monkeypatch.setenv("GROUNDSWELL_SECRETS_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("USER", "ann")
    monkeypatch.setenv("LOGNAME", "ann")

    def call(*arguments, code=0):
        monkeypatch.setattr("sys.argv", ["groundswell", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        assert (end.value.code or 0) == code, said.err
        return said.err + said.out if code else said.out

    return call


def subscribe(run, name="rates", *more, code=0):
    return run("subscribe", name, "--topic", "rates", "--webhook", ADDRESS, *more, code=code)


def test_a_subscription_is_made_with_one_command_and_its_secret_shown_once(run, tmp_path):
    said = subscribe(run, "rates", "--quiet", "22:00-07:00 mon,tue", "--zone", "Asia/Shanghai")
    assert said.count("whsec_") == 1
    (one,) = json.loads(run("subscriptions", "list", "--json"))
    assert (one["name"], one["filters"]["topics"]) == ("rates", ["rates"])
    assert one["schedule"]["quiet"] == [{"start": "22:00", "end": "07:00", "days": ["mon", "tue"]}]
    shown = run("channels", "list") + run("channels", "list", "--json")
    shown += run("subscriptions", "show", "rates")
    assert "https://hooks.test/…" in shown
    assert "secret" not in shown
    assert "whsec_" not in shown
    data = b"".join(p.read_bytes() for p in tmp_path.glob("r.db*"))
    assert b"very-secret-path" not in data


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--zone", "Nowhere"), "no IANA zone"),
        (("--quiet", "late"), "must be like 22:00-07:00"),
        (("--quiet", "25:00-26:00"), "hour must be in"),
        (("--quiet", "22:00-23:00 someday"), "--quiet"),
        (("--market", "MOON"), "is not known"),
        (("--severity", "grave"), "cannot be meant"),
        (("--digest-only",), "needs --digest"),
        (("--in", "fr"), "cannot be meant"),
        (("--wecom", "ftp://x"), "must begin with https://"),
        (("--apprise", "nothing"), "must be like ntfy://"),
        (("--channel", "no such"), "there is none"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(run, more, says):
    assert says in subscribe(run, "rates", *more, code=2)
    assert run("subscriptions", "list").strip() == ""
    assert run("channels", "list").strip() == ""


def test_one_without_a_channel_or_of_the_same_name_is_refused(run):
    assert "a channel is needed" in run("subscribe", "x", code=2)
    subscribe(run)
    assert "has one already" in subscribe(run, code=2)
    assert "there is none" in run("subscriptions", "show", "other", code=2)


def test_subscriptions_go_through_yaml_without_secrets(run, tmp_path):
    subscribe(run, "rates", "--digest", "08:30", "--cap", "5", "--group-by", "alert")
    text = run("subscriptions", "export")
    assert "secret" not in text
    file = tmp_path / "s.yaml"
    file.write_text(text.replace("cap: 5", "cap: 7"))
    before = json.loads(run("subscriptions", "list", "--json"))
    assert "1 subscriptions taken in" in run("subscriptions", "import", str(file))
    (after,) = json.loads(run("subscriptions", "list", "--json"))
    assert after == {**before[0], "cap": 7}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "not YAML"),
        ("a: 1", "`subscriptions`, a list"),
        ("subscriptions: [1]", "subscriptions[0]"),
        ("subscriptions: [{owner: ann, name: x, channels: [y]}]", "no channel 'y'"),
        ("subscriptions: [{owner: ann, name: x, channels: [], extra: 1}]", "extra"),
    ],
)
def test_a_yaml_that_is_wrong_says_where(run, tmp_path, text, says):
    file = tmp_path / "s.yaml"
    file.write_text(text)
    assert says in run("subscriptions", "import", str(file), code=2)


def test_times_need_no_quotes_in_yaml(run, tmp_path):
    run("channels", "add", "c", "--kind", "console", "--owner", "ann")
    file = tmp_path / "s.yaml"
    quiet = "schedule: {quiet: [{start: 22:00, end: 7:00}]}, digest: null, paused: false"
    file.write_text(f"subscriptions: [{{owner: ann, name: x, channels: [c], {quiet}}}]")
    run("subscriptions", "import", str(file))
    (one,) = json.loads(run("subscriptions", "list", "--json"))
    assert one["schedule"]["quiet"][0]["start"] == "22:00"
    assert (one["digest"], one["paused"]) == (None, False)


def test_pause_test_log_and_delete(run):
    subscribe(run)
    assert "paused" in run("subscriptions", "pause", "rates")
    assert "paused" in run("subscriptions", "list")
    assert "is on" in run("subscriptions", "resume", "rates")
    assert "1 test messages" in run("subscriptions", "test", "rates")
    assert "planned\ttest" in run("subscriptions", "log", "rates")
    assert json.loads(run("subscriptions", "log", "rates", "--json"))[0]["reason"] == "test"
    assert "0 messages in seven days" in run("subscriptions", "preview", "rates")
    assert json.loads(run("subscriptions", "preview", "rates", "--json"))["messages"] == []
    (row,) = json.loads(run("deliveries", "list", "--json"))
    assert row["stage"] == "waiting"
    assert "waiting" in run("deliveries", "list", "--state", "waiting")
    assert "must be one of" in run("deliveries", "list", "--state", "lost", code=2)
    assert "0 deliveries" in run("deliveries", "replay", "--all", code=1)
    assert "in use" in run("channels", "remove", "rates webhook", code=1)
    assert "is gone" in run("subscriptions", "delete", "rates")
    assert "removed" in run("channels", "remove", "rates webhook")
    assert "1 deliveries" in run("deliveries", "replay", str(row["number"]))


def test_channels_rotate_and_switch(run):
    subscribe(run)
    assert "1 older ones sign too" in run("channels", "rotate", "rates webhook")
    assert "it is the only one" in run("channels", "rotate", "rates webhook", "--only")
    assert "is off" in run("channels", "disable", "rates webhook", "--why", "noise")
    assert "noise" in run("channels", "list")
    assert "is on" in run("channels", "enable", "rates webhook")
    assert "leads to https://oapi.test/…" in run(
        "channels", "add", "ding", "--kind", "dingtalk", "--url", "https://oapi.test/send?t=1"
    )
    assert "only a webhook" in run("channels", "rotate", "ding", code=2)
    assert "has a channel" in run("channels", "add", "ding", "--kind", "console", code=2)
    assert "must be one of" in run("channels", "add", "x", "--kind", "pigeon", code=2)
    assert len(run("channels", "key").strip()) == 44


def test_silences_are_written_shown_and_ended(run):
    assert "hides nothing" in run("silences", "add", "topic=a|b", "--for", "2h", "--preview")
    assert run("silences", "list").strip() == ""
    run("silences", "add", "topic=a|b", "kind!=event", "--for", "2h", "--comment", "known")
    (one,) = json.loads(run("silences", "list", "--json"))
    assert [(m["op"], m["values"]) for m in one["matchers"]] == [
        ("=", ["a", "b"]),
        ("!=", ["event"]),
    ]
    assert "topic=a|b, kind!=event" in run("silences", "list")
    assert "is over" in run("silences", "end", one["id"])
    assert run("silences", "list").strip() == ""
    assert "none that goes on" in run("silences", "end", one["id"], code=2)
    assert "30 days" in run("silences", "add", "topic=a", "--for", "31d", code=2)
    assert "matchers" in run("silences", "add", "topic", "--for", "1h", code=2)
    assert "planet" in run("silences", "add", "planet=x", "--for", "1h", code=2)


def test_a_silence_has_a_start_and_an_end(run):
    later = "2099-03-01T14:30"
    run("silences", "add", "topic=a", "--from", later, "--for", "2h")
    (one,) = json.loads(run("silences", "list", "--json"))
    assert one["end"] - one["start"] == 2 * 3_600_000
    assert "until 2099-03-01 16:30" in run(
        "silences", "add", "topic=a", "--from", later, "--until", "2099-03-01T17:30+01:00"
    )
    for more in ((), ("--for", "2h", "--until", later)):
        assert "either --for" in run("silences", "add", "topic=a", *more, code=2)
    assert "over already" in run("silences", "add", "topic=a", "--until", "2h", code=2)
    assert "30 days" in run("silences", "add", "topic=a", "--until", later, code=2)


def test_a_preview_names_what_goes_on_and_what_the_last_week_told(run, tmp_path):
    async def fire():
        records = await open_records(f"sqlite:///{tmp_path}/r.db")
        lease = await records.acquire("watch", 60_000)
        await records.commit_minute(lease, fired())
        await records.act(ID, "acknowledge", "ann", "mine")
        await records.close()

    asyncio.run(fire())
    told = run("silences", "add", "topic=rates", "--for", "2h", "--preview").splitlines()
    assert told[0] == f"hides {ID} topic:rates (warning)"
    assert [line.rsplit(" ", 1)[1] for line in told[1:3]] == ["firing", "acknowledge"]
    assert all(line.startswith("would have matched ") for line in told[1:3])
    assert told[3:] == ["of the last seven days: 2 of 2 transitions"]
    assert run("silences", "add", "topic=banks", "--for", "2h", "--preview").splitlines() == [
        "hides nothing that goes on",
        "of the last seven days: 0 of 2 transitions",
    ]


def test_the_lines_of_the_page_do_what_it_says(run):
    page = (Path(__file__).parents[2] / "docs" / "subscriptions.md").read_text("utf-8")
    block = re.search(r"```console\n(.*?)```", page, re.DOTALL)
    assert block
    lines = [line.removeprefix("$ groundswell ") for line in block[1].splitlines()]
    assert len(lines) == 4
    for line in lines:
        run(*shlex.split(line))
    assert {s["name"] for s in json.loads(run("subscriptions", "list", "--json"))} == {
        "rates",
        "desk",
    }
