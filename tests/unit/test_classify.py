import io
import json
import shutil

import msgspec
import pytest

from consumers.news.classify import run
from groundswell.errors import InputError
from groundswell.models.bundle import MANIFEST, load_manifest
from groundswell.settings import Settings
from tests.news_world import TAGGER, TINY

SETTINGS = Settings(bundle=TINY, threads=1, batch_items=4)


def classified(tmp_path, rows, bundle=TINY):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"\n".join(rows) + b"\n")
    settings = SETTINGS.model_copy(update={"bundle": bundle})
    assert run(settings, str(source), str(out)) == 0
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


def test_the_words_that_spoke_for_a_negative_tone_are_written(tmp_path):
    rows = [b'{"text": "Fraud, fraud"}', b'{"text": "Profit soars", "words": "mine"}']
    first, second = classified(tmp_path, rows)

    assert first["words"] == ["Fraud"]
    assert (second["words"], second["predicted_words"]) == ("mine", [])


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


def test_names_topics_and_further_heads_are_written(tmp_path):
    rows = [b'{"text": "Court probe at Norvane AG"}', b'{"title": "fraud", "body": "profit  fed"}']
    first, second = classified(tmp_path, rows, TAGGER)

    assert first["entities"] == [
        {"text": "Court", "type": "ORG", "start": 0, "end": 5},
        {"text": "Norvane AG", "type": "ORG", "start": 15, "end": 25},
    ]
    assert [topic["label"] for topic in second["topics"]] == ["rates", "earnings", "fraud"]
    assert set(first["urgency"]["probabilities"]) == {"calm", "urgent"}
    assert [row["urgency"]["label"] for row in (first, second)] == ["calm", "urgent"]
    assert "composed" not in first
    [name] = second["entities"]
    assert second["composed"][name["start"] : name["end"]] == "fed"


def test_a_template_is_filled_from_the_row_s_fields(tmp_path):
    bundle = shutil.copytree(TINY, tmp_path / "bundle")
    manifest = msgspec.structs.replace(load_manifest(TINY), template="{tone} {text}")
    (bundle / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    rows = [
        b'{"text": "says", "tone": "crash plunges loss weak {0}"}',
        b'{"text": "says", "tone": "profit gains soars"}',
        b'{"text": "says"}',
        b'{"text": "says", "tone": 1}',
    ]
    first, second, third, fourth = classified(tmp_path, rows, bundle)

    assert first["sentiment"]["label"] == "negative"
    assert second["sentiment"]["label"] == "positive"
    assert third["error"] == "no_field: the model reads '{tone} {text}'; give `tone`"
    assert fourth["error"].startswith("bad_field: `tone`")


def test_stories_of_a_file_are_found_by_time_and_told_once_in_each_tone(tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    title = "Profit soars at Norvane as sales of ships climb"
    rows = [
        {"title": title, "published_at": "2026-01-05T10:00:00Z"},
        {"text": 5},
        {"title": f"UPDATE 1-{title}", "arrived_at": "2026-01-05T11:00:00Z", "published_at": "x"},
        {"title": title, "published_at": "2026-01-06T10:00:00Z"},
        {"title": title, "published_at": "2026-01-07"},
        {"title": title, "story": "mine"},
        {"text": title, "new_in": []},
    ]
    source.write_text("\n\n".join(json.dumps(row) for row in rows))

    assert run(SETTINGS, str(source), str(out), stories=True) == 0
    got = [json.loads(line) for line in out.read_bytes().splitlines()]

    stories = [row.get("predicted_story", row.get("story")) for row in got]
    assert stories == ["row/0/0", None, "row/0/0", "row/0/3", "row/0/3", "row/0/5", "row/0/5"]
    assert got[0]["new_in"] == ["all", "topic:earnings"]
    assert got[2]["new_in"] == got[6]["predicted_new_in"] == []
