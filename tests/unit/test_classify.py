import io
import json

import pytest

from consumers.news.classify import run
from groundswell.errors import InputError
from groundswell.settings import Settings
from tests.news_world import TINY

SETTINGS = Settings(bundle=TINY, threads=1, batch_items=4)


def classified(tmp_path, rows):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"\n".join(rows) + b"\n")
    assert run(SETTINGS, str(source), str(out)) == 0
    return [json.loads(line) for line in out.read_bytes().splitlines()]


def test_rows_keep_their_place_and_their_fields(tmp_path):
    rows = [
        json.dumps({"n": n, "text": "Profit soars " + "report " * (n * 7 % 31)}).encode()
        for n in range(2500)
    ]
    out = classified(tmp_path, rows)

    assert [row["n"] for row in out] == list(range(2500))
    assert {row["bundle"] for row in out} == {"tiny@1"}
    assert out[0]["sentiment"]["label"] == "positive"
    assert out[0]["topics"][0]["label"] == "earnings"


def test_title_and_body_are_read_and_null_is_nothing(tmp_path):
    [row] = classified(tmp_path, [b'{"title": null, "body": "fraud probe", "text": null}'])

    assert row["sentiment"]["label"] == "negative"


def test_own_fields_are_never_overwritten(tmp_path):
    [row] = classified(tmp_path, [b'{"text": "fraud", "sentiment": "mine"}'])

    assert row["sentiment"] == "mine"
    assert row["predicted_sentiment"]["label"] == "negative"


def test_bad_rows_are_kept_with_their_error(tmp_path, capsys):
    rows = [
        b"nope",
        b"[1]",
        b'{"text": 5}',
        b'{"text": "\\u0000"}',
        b"\xff",
        b'{"text": "explode"}',
    ]
    out = classified(tmp_path, [*rows, b"", b'{"text": "fraud"}', b"[" * 100_000])

    assert [row.get("error", "fine").partition(":")[0] for row in out] == [
        "not_json",
        "not_object",
        "bad_field",
        "no_text",
        "not_json",
        "model_failed",
        "fine",
        "not_json",
    ]
    assert out[0]["row"] == "nope"
    assert "7 could not be read" in capsys.readouterr().err


def test_stdin_and_stdout(monkeypatch, capfdbinary):
    class In:
        buffer = io.BytesIO(b'{"text": "fraud"}\n')

    class Out:
        buffer = io.BytesIO()

    monkeypatch.setattr("sys.stdin", In)
    monkeypatch.setattr("sys.stdout", Out)
    run(SETTINGS, "-", "-")

    assert json.loads(Out.buffer.getvalue())["sentiment"]["label"] == "negative"


def test_files_that_cannot_be_used_are_named(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read"):
        run(SETTINGS, str(tmp_path / "missing"), "-")
    with pytest.raises(InputError, match="is the file that is read"):
        run(SETTINGS, str(source), str(source))
    with pytest.raises(InputError, match="cannot be written"):
        run(SETTINGS, str(source), str(tmp_path / "no" / "folder"))
