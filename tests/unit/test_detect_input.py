import json
import re
import sys
from pathlib import Path

import pytest

from consumers.news.classify import run as classify
from consumers.watch.detect_cli import detect, minutes_of
from consumers.watch.detect_rows import by_words, folded
from groundswell import cli
from groundswell.errors import InputError
from groundswell.settings import Settings
from tests.news_world import TINY

GOOD = {
    "published_at": "2026-01-05T09:00:00Z",
    "title": "Rates rise",
    "sentiment": {"label": "negative"},
    "topics": ["rates"],
}


def refused(tmp_path, content, **options):
    file = tmp_path / "input"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        detect(file=file, **options)
    return str(error.value).removeprefix(str(tmp_path) + "/")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"published_at": None}, "input:3: Expected `str`, got `null` - at `$.published_at`"),
        ({"published_at": "soon"}, "input:3: `published_at` is 'soon'; it must be a date"),
        ({"published_at": "2026-01-05T09:00:00"}, "without a time zone; add Z"),
        ({"published_at": "2026-13-01"}, "input:3: `published_at` is '2026-13-01'"),
        ({"published_at": "2026-01-05"}, "input:3: `published_at` is a day without a time"),
        ({"published_at": "9999-12-31T23:00:00-05:00"}, "input:3: `published_at` is '9999"),
        ({"arrived_at": "later"}, "input:3: `arrived_at` is 'later'"),
        ({"sentiment": None}, "input:3: `sentiment` must have a label"),
        ({"sentiment": {"label": "sad"}}, "run `groundswell classify` first"),
        ({"topics": "rates"}, "input:3: `topics` must be a list of labels"),
        ({"topics": [{"name": "rates"}]}, "input:3: `topics` must be a list of labels"),
        ({"title": 7}, "input:3: Expected `str | null`, got `int` - at `$.title`"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, change, said):
    rows = [json.dumps(GOOD), "", json.dumps({**GOOD, **change})]

    assert said in refused(tmp_path, "\n".join(rows), tick="5m")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": ', "input:1: Input data was truncated"),
        (b'{"published_at": "\xff"}', "input:1: "),
        (b"{" * 5, "input:1: JSON is malformed"),
        ("timestamp,count\n", "input:1: the header must name `timestamp` and `value`"),
        ("", "input:1: the header must name"),
        ("timestamp,value\n", "input: holds no rows"),
        ("timestamp,value\n2026-01-01,1\nnever,2\n", "input:3: Invalid isoformat string: 'never'"),
        ("timestamp,value\n2026-01-01,x\n", "input:2: could not convert string to float: 'x'"),
        ("timestamp,value\n2026-01-01\n", "input:2: "),
        ("timestamp,value\n2026-01-01,-1\n", "input:2: value -1 must be a number from 0 on"),
        ("timestamp,value\n2026-01-01,nan\n", "input:2: value nan must be a number"),
        (b"timestamp,value\n\xff,1\n", "input: not UTF-8"),
        (json.dumps({**GOOD, "topics": []}), "input: no row counts in any series"),
        (json.dumps({**GOOD, "error": "no_text"}), "input: no row counts in any series"),
    ],
)
def test_a_bad_file_is_named(tmp_path, content, said):
    assert said in refused(tmp_path, content)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.csv: cannot be read \(No such file"):
        detect(file=tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "sector"}, "--by sector: must be topic, all or both"),
        ({"budget": 0.0}, "--budget 0.0: must be above 0"),
        ({"tick": "5 minutes"}, "--tick 5 minutes: must be"),
        ({"tick": "0m"}, "--tick 0m: must be"),
        ({"match": [" , "]}, "--match ' , ': names no word"),
    ],
)
def test_a_bad_option_is_named(tmp_path, options, said):
    assert said in refused(tmp_path, json.dumps(GOOD), **options)


def test_a_wrong_year_is_named_instead_of_waited_for(tmp_path):
    rows = [json.dumps(GOOD), json.dumps({**GOOD, "published_at": "0026-01-05T09:00:00Z"})]
    said = refused(tmp_path, "\n".join(rows))

    assert "0026-01-05T09:00:00Z to 2026-01-05T09:00:00Z is too long in ticks of 1 minutes" in said


def test_a_table_is_one_series(tmp_path):
    said = refused(tmp_path, "timestamp,value\n2026-01-01,1\n", match=["boeing"])

    assert "--match and --by are for items" in said


def test_ticks():
    names = ("auto", "minute", "5m", "hour", "6h", "day", "1w")

    assert [minutes_of(name) for name in names] == [None, 1, 5, 60, 360, 1440, 10080]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Boeing falls", True),
        ("BOEING'S day", True),
        ("Ｂｏｅｉｎｇ 737", True),
        ("Boeings fall", False),
        ("the 737 MAX-8", True),
        ("737 maximum", False),
        ("关于恒大集团的消息", True),
    ],
)
def test_words_are_whole_and_folded(text, found):
    assert by_words("boeing, 737 max, 恒大")(folded(text)) is found


def test_rows_without_labels_and_other_languages_are_left_out_and_counted(tmp_path, capsys):
    file = tmp_path / "input.jsonl"
    rows = [GOOD, {**GOOD, "error": "no_text: x"}, {**GOOD, "read": False}]
    file.write_text("\n".join(map(json.dumps, rows)))
    detect(file=file)

    assert "2 rows without labels left out" in " ".join(capsys.readouterr().err.split())


def test_own_labels_stand_back_behind_ours_and_bare_labels_do(tmp_path, capsys):
    file = tmp_path / "input.jsonl"
    ours = {**GOOD, "sentiment": "good", "predicted_sentiment": {"label": "negative"}}
    bare = {**GOOD, "sentiment": "positive", "predicted_topics": [{"label": "crypto"}]}
    file.write_text("\n".join(map(json.dumps, [ours, bare])))
    detect(file=file, card=True)

    cards = [json.loads(line)["series"] for line in capsys.readouterr().out.splitlines()]
    assert cards == ["topic:crypto", "topic:rates"]


def test_what_classify_writes_is_read_with_its_stories(tmp_path, capsys):
    news, labelled = tmp_path / "news.jsonl", tmp_path / "labelled.jsonl"
    text = "Regulator opens fraud probe into Lindqvist Bank"
    rows = [
        {"published_at": f"2026-01-{day:02}T09:00:00Z", "title": f"{text} {day}", "source": source}
        for day in range(1, 13)
        for source in ("Wire", "Post")
    ]
    news.write_text("\n".join(map(json.dumps, rows)))
    classify(Settings(bundle=TINY, threads=1), str(news), str(labelled), stories=True)
    capsys.readouterr()
    detect(file=labelled, card=True, by="all", tick="1d")
    [card] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert card["series"] == "all"
    assert 0.9 < card["expected_a_day"] < 1.3


def test_the_command_is_there_and_says_what_it_takes(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["groundswell", "detect", "--help"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)

    assert ended.value.code == 0
    options = set(re.findall(r"--[a-z-]+", said)) - {"--help"}
    assert {"--tick", "--match", "--by", "--budget", "--delta-volume", "--card"} <= options
    page = (Path(__file__).parents[2] / "docs" / "detection.md").read_text("utf-8")
    assert {option for option in options if f"`{option}`" not in page} == set()
