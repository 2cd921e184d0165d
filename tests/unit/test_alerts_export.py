"""`groundswell alerts export | quality`, over SQLite."""

import csv
import io
import json

import msgspec
import pytest

from consumers.records.alerts import Verdict
from tests.desk_world import BANKS, M0, RATES, Desk, evidence

EVIL = "scheme:=cmd|'/c calc'!A1"


@pytest.fixture
def desk(tmp_path, capsys, monkeypatch):
    made = Desk(f"sqlite:///{tmp_path}/r.db", None, [], None, capsys, monkeypatch)
    made.fire(RATES, M0 + 60)
    made.end(made.ids[0], RATES, M0 + 200)
    made.fire(EVIL, M0 + 300, about="-2+3", evidence=evidence(EVIL, M0 + 240))
    made.run("ack", made.ids[1], "--as", "ann", "--comment", "\t=1+1\nand more")
    yield made
    made.close()


def test_json_lines_hold_alerts_with_their_histories(desk):
    desk.run("judge", desk.ids[0], "miss", "--reason", "é 你好", "--as", "ann")
    code, out, _ = desk.run("export")

    assert code == 0
    evil, rates = (json.loads(line) for line in out.splitlines())
    assert [rates["alert"]["id"], evil["alert"]["id"]] == desk.ids
    assert [line["after"] for line in rates["history"]] == ["firing", "recovering", "resolved"]
    assert [line["action"] for line in evil["history"]] == ["move", "acknowledge"]
    assert rates["verdicts"][0]["reason"] == "é 你好"
    assert rates["alert"]["evidence"]["effect"]["observed"] == 17
    assert rates == desk.json("show", desk.ids[0])


def test_csv_has_a_row_a_transition_and_no_formula(desk):
    code, out, _ = desk.run("export", "--format", "csv")

    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["id"], row["after"]) for row in rows] == [
        (desk.ids[1], "firing"),
        (desk.ids[1], "firing"),
        (desk.ids[0], "firing"),
        (desk.ids[0], "recovering"),
        (desk.ids[0], "resolved"),
    ]
    assert rows[0]["series"] == EVIL
    assert rows[0]["about"] == "'-2+3"
    assert rows[1]["cause"] == "'=1+1 and more"
    assert float(rows[0]["ratio"]) == pytest.approx(17 / 4.1)
    assert float(rows[0]["peak"]) == 11.3
    assert not [v for row in rows for v in row.values() if v.lstrip()[:1] in set("=+-@|%")]


def test_a_time_can_be_exported_to_a_file(desk, tmp_path):
    file = tmp_path / "a.jsonl"
    code, out, _ = desk.run("export", "--until", "2026-02-16T02:00", "-o", file)

    assert (code, out) == (0, "")
    (line,) = file.read_text("utf-8").splitlines()
    assert json.loads(line)["alert"]["id"] == desk.ids[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--format", "xls"), "--format xls: must be one of jsonl, csv"),
        (("--out", "/no/such/file"), "--out /no/such/file: cannot be written"),
    ],
)
def test_an_export_that_cannot_be_is_refused(desk, options, says):
    code, _, err = desk.run("export", *options)

    assert code == 2
    assert says in err


def test_an_export_of_many_alerts_is_whole(desk, monkeypatch):
    monkeypatch.setattr("consumers.records.desk.commands._PAGE", 2)
    for n in range(5):
        desk.fire(f"topic:{n}", M0 + 400 + n)

    _, out, _ = desk.run("export")

    assert [json.loads(line)["alert"]["id"] for line in out.splitlines()] == desk.ids[::-1]


def test_where_nothing_is_judged_it_says_so(desk):
    code, out, _ = desk.run("quality")
    assert code == 0
    assert "None of the 2 alerts has a verdict: nothing can be said yet" in out
    assert "2 more of the surges have no verdict" in out

    out = desk.run("quality", "--since", "1h")[1]
    assert "No alert was raised in that time: there is nothing to judge." in out
    assert "No minute of that time was decided under a budget that the records know." in out

    desk.run("judge", desk.ids[0], "void", "--reason", "a test", "--as", "ann")
    assert "Every alert that was judged is void" in desk.run("quality")[1]


def test_the_quality_counts_verdicts_against_the_budget(desk):
    desk.fire(BANKS, M0 + 1440, severity="critical")
    desk.fire("entity:acme", M0 + 1441, "event", evidence=b"{}")
    desk.verdict(
        M0 + 2939,
        Verdict(desk.ids[0], "hit", "it lasted"),
        Verdict(desk.ids[1], "miss", "it did not"),
    )
    desk.run("judge", desk.ids[2], "miss", "--reason", "old news", "--as", "ann")
    desk.run("judge", desk.ids[3], "void", "--reason", "a test", "--as", "ann")

    found = desk.json("quality")

    assert found["all"]["precision"] == pytest.approx(1 / 3)
    assert found["all"]["void_share"] == 0.25
    assert (found["all"]["by_person"], found["all"]["unjudged"]) == (2, 0)
    assert found["by_kind"]["surge"]["misses"] == 2
    assert found["by_kind"]["event"]["precision"] is None
    assert found["by_severity"]["critical"]["precision"] == 0.0
    alarms = found["false_alarms"]
    # Two days since the first minute that was written, at half an alarm a day.
    assert (alarms["observed"], alarms["days"], alarms["budgeted"]) == (2, 2.0, 1.0)
    assert alarms["ratio"] == 2.0
    assert alarms["interval"] == pytest.approx([0.2422, 7.2247], abs=1e-3)
    out = " ".join(desk.run("quality")[1].split())
    assert "all 4 1 2 1 0 2 33% (4% … 82%) 25%" in out
    assert (
        "False alarms: 2 of the surges, where the budget allowed 1.00 over 2.0 decided days" in out
    )

    day = desk.json("quality", "--since", "2026-02-17")["false_alarms"]
    assert (day["observed"], day["budgeted"]) == (1, pytest.approx(0.5 * 1500 / 1440))


def test_an_answer_is_one_json_object(desk):
    for command in (("list",), ("show", desk.ids[0]), ("quality",)):
        out = desk.run(*command, "--json")[1]
        assert out.count("\n") == 1
        assert isinstance(msgspec.json.decode(out), dict)
