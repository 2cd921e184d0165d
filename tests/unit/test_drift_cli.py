import json
import random
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from groundswell.errors import BundleError, InputError
from groundswell.models.explaining import explain
from training.refresh.drift_cli import drift
from training.refresh.explain_cli import explain as explain_command
from training.refresh.windows import Question, ask

DEFAULT = Path(__file__).parents[2] / "deploy" / "models" / "default"
TINY = Path(__file__).parents[1] / "data" / "tiny-bundle"
GOOD = ("raises its dividend", "beats the forecast", "wins a large order", "posts record profit")
BAD = ("warns of losses", "is sued for fraud", "cuts a thousand jobs", "defaults on its debt")


def texts(count, kinds, start=0):
    """Different texts: most of each is words that nobody knows."""
    rows = []
    for number in range(start, start + count):
        draw = random.Random(number)
        made = ["".join(draw.choices("abdegiklmnoprstu", k=6)) for _ in range(9)]
        said = kinds[number % len(kinds)]
        rows.append({"id": f"n{number}", "text": " ".join([*made[:2], said, *made[2:]])})
    return rows


def put(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def call(program, *arguments):
    app = typer.Typer()
    app.command()(program)
    return CliRunner().invoke(app, [*arguments])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    return (
        put(folder / "before.jsonl", texts(140, (*GOOD, *BAD))),
        put(folder / "same.jsonl", texts(60, (*GOOD, *BAD), start=1001)),
        put(folder / "bad.jsonl", texts(80, BAD, start=2001)),
    )


def test_a_stream_that_turned_is_found_and_plotted_and_one_that_did_not_is_not(files, tmp_path):
    before, same, bad = files
    image = tmp_path / "drift.png"
    options = ("--bundle", str(DEFAULT), "--reference", before, "--window", "40")

    turned = call(drift, bad, *options, "--json", "--plot", str(image))
    stayed = call(drift, same, *options)

    said = json.loads(turned.stdout)
    assert turned.exit_code == 1
    assert said["act"]
    assert len(said["windows"]) == 2
    assert "probabilities of sentiment" in said["windows"][0]["alarms"]
    assert image.read_bytes()[:4] == b"\x89PNG"
    assert stayed.exit_code == 0
    assert "like the reference" in stayed.stdout
    assert "not asked: label shift of sentiment" in stayed.stdout


def test_copies_of_one_story_count_as_the_one_story_that_they_are(files, tmp_path):
    usual = texts(45, (*GOOD, *BAD), start=1001)
    copy = {"text": "Acme is sued for fraud in Lisbon by a former director"}
    once = put(tmp_path / "once.jsonl", [*usual, copy])
    burst = put(tmp_path / "burst.jsonl", [*usual, *[copy] * 100])

    one, many = (ask(DEFAULT, Question((f,), files[:1], window=60)) for f in (once, burst))

    assert [verdict.stories for verdict in many.verdicts] == [46]
    assert many.verdicts[0].texts == 145
    pairs = zip(one.verdicts[0].tests, many.verdicts[0].tests, strict=True)
    for one_copy, hundred in pairs:
        assert one_copy.statistic == pytest.approx(hundred.statistic, abs=0.03), one_copy.name


def test_too_few_texts_or_no_sample_are_said(files, tmp_path):
    few = put(tmp_path / "few.jsonl", texts(10, BAD))

    with pytest.raises(InputError, match="10 texts"):
        ask(DEFAULT, Question((few,), (files[0],)))
    with pytest.raises(BundleError, match="carries no reference sample"):
        ask(TINY, Question((files[1],)))


def test_the_words_that_made_a_label_stand_in_the_text_with_their_parts():
    found = explain(DEFAULT, "Acme plunges after fraud probe", leave_out=True)

    assert found.label == "negative"
    assert [word.text for word in found.words] == ["Acme", "plunges", "after", "fraud", "probe"]
    assert all(found.text[word.start : word.end] == word.text for word in found.words)
    assert all(word.without is not None for word in found.words)
    assert sum(word.part for word in found.words) > 0


def test_an_item_is_explained_down_to_its_data(tmp_path):
    rows = [
        {
            "id": "n1",
            "title": "Acme plunges after fraud probe",
            "body": "[bold]Shares fell by a third[/bold]",
            "bundle": "other@1",
        }
    ]
    items = put(tmp_path / "items.jsonl", rows)

    told = call(explain_command, "n1", "--items", items, "--bundle", str(DEFAULT))
    as_json = call(explain_command, "n1", "--items", items, "--bundle", str(DEFAULT), "--json")

    assert told.exit_code == 0, told.output
    assert "[bold]" in told.stdout
    assert "encoder sentence-transformers/all-MiniLM-L6-v2, licence Apache-2.0" in told.stdout
    assert "labelled by other@1" in told.stdout
    said = json.loads(as_json.stdout)
    assert said["label"] == "negative"
    assert said["origin"]["data"]
    missing = call(explain_command, "n2", "--items", items, "--bundle", str(DEFAULT))
    assert isinstance(missing.exception, InputError)
    assert "no item has the id n2" in str(missing.exception)
