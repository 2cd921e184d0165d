"""The whole evaluation of a checkpoint and of a bundle."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.evaluation_world import make_checkpoint, make_data
from training.evaluation.figures import Evaluation
from training.evaluation.run import Plan, open_model, run

pytestmark = pytest.mark.train

TINY = Path(__file__).parents[2] / "data" / "tiny-bundle"


@pytest.fixture(scope="module")
def data(tmp_path_factory, rows_of):
    return make_data(tmp_path_factory.mktemp("data"), rows_of)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, encoder_dir, data):
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tried", encoder_dir, data)


@pytest.fixture(scope="module")
def report(checkpoint, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "one"
    plan = Plan(
        model=checkpoint,
        data=(str(data / "rows.jsonl"),),
        against=checkpoint,
        most=20,
        command="groundswell evaluate",
    )
    return run(plan, out), out


def test_the_files_say_what_was_measured(report):
    found, out = report

    read = msgspec.json.decode((out / "report.json").read_bytes(), type=Evaluation)
    assert read == found
    text = (out / "report.md").read_text("utf-8")
    for head in found.heads:
        assert f"## {head.name}" in text
        for picture in found.pictures[head.name]:
            assert picture in text
            assert (out / picture).read_bytes().startswith(b"\x89PNG")
    named = {name for names in found.pictures.values() for name in names}
    assert {path.name for path in out.iterdir()} == named | {"report.md", "report.json"}


def test_every_kind_of_head_is_measured(report):
    heads = {head.name: head for head in report[0].heads}

    assert list(heads) == ["names", "sentiment", "themes"]
    assert {head.scores.rows for head in heads.values()} == {80}
    tone = heads["sentiment"]
    assert np.array(tone.confusion).sum() == 80
    assert tone.calibration
    assert tone.coverage
    assert tone.faithfulness
    assert tone.faithfulness.rows == 20
    tests = {test.name: test for test in tone.behaviour}
    assert tests["add_url"].same == tests["add_url"].tried == 20
    assert tests["add_url"].failures == 0
    assert tests["company_names"].same == 0
    assert "person_names: no text to change" in tone.notes
    assert {s.by for s in tone.slices.slices} >= {"channel", "agreement"}
    assert heads["names"].by_token
    assert heads["names"].by_token.own == 0
    assert heads["themes"].calibration
    assert heads["themes"].calibration.rows == 160
    assert "faithfulness: the model explains no answer of this head" in heads["themes"].notes


def test_the_training_rows_are_found_by_their_hash(report):
    found, _ = report
    tone = found.heads[1]

    assert [each.name for each in found.train_data] == ["trained"]
    assert tone.baseline
    assert tone.baseline.scores.accuracy.value > 0.9  # the tone hangs on single words
    assert tone.baseline.paired.accuracy.high < 0.0
    assert tone.neighbours
    assert tone.neighbours.rows == 80


def test_a_model_does_not_differ_from_itself(report):
    for head in report[0].heads:
        assert head.against
        assert head.against.paired.p == 1.0
        assert head.against.agreement.value == 1.0
        assert head.against.paired.macro_f1.low == head.against.paired.macro_f1.high == 0.0


def test_the_same_again_gives_the_same(report, checkpoint, data, tmp_path):
    plan = Plan(
        model=checkpoint, data=(str(data / "rows.jsonl"),), against=checkpoint, most=20,
        command="groundswell evaluate",
    )  # fmt: skip

    again = run(plan, tmp_path / "two")

    assert msgspec.structs.replace(again, speed=report[0].speed) == report[0]


def test_the_answers_are_those_of_the_model(checkpoint):
    import torch

    from training.encode import load_tokenizer, pad, tokenise
    from training.evaluation.trained import CheckpointPredictor

    asked = open_model(checkpoint, (), precision="", device="cpu", threads=1)
    assert isinstance(asked, CheckpointPredictor)
    texts = ["profit rose today", "the company", "", "fraud in the north group said"]
    answers = asked.answer(texts, explain=True)
    tokenizer = load_tokenizer(checkpoint / "tokenizer.json", 32)

    for place, text in enumerate(texts):
        [row] = tokenise(tokenizer, [text], "shape")
        with torch.inference_mode():
            said = asked._model(**pad([row]))
        assert answers.sentences["sentiment"][place] == pytest.approx(
            said["sentiment"][0].numpy(), abs=1e-4
        )
        count = len(text.split())
        assert answers.tokens["names"][place].shape == (count, 5)
        bias = dict(asked._model.heads["sentiment"].named_parameters())["bias"].detach().numpy()
        ends = said["contributions"][0, [0, -1]].sum(dim=0).numpy()  # [CLS] and [SEP]
        whole = answers.contributions[place].sum(axis=0) + bias + ends
        assert whole == pytest.approx(said["sentiment"][0].numpy(), abs=1e-4)


def test_a_bundle_is_measured_without_its_functions_file(data, tmp_path):
    found = run(
        Plan(model=TINY, data=(str(data / "rows.jsonl"),), functions=("sentiment",), most=5),
        tmp_path / "r",
    )

    assert found.model.kind == "bundle"
    assert found.bytes == sum(found.model.files.values()) > 0
    assert found.heads[0].baseline is None
    assert any("--train-data" in note for note in found.notes)


def test_a_card_brings_other_names_to_the_heads(checkpoint, write, tmp_path):
    rows = [
        {"text": f"profit rose {n}", "mood": "bullish" if n % 2 else "bearish"} for n in range(6)
    ]
    card = tmp_path / "card.yaml"
    card.write_text(
        "name: moods\nfor: moods.jsonl\nlicence: own\nfields: {sentiment: mood}\n"
        "labels: {sentiment: {bullish: positive, bearish: negative}}\n"
    )

    found = run(
        Plan(model=checkpoint, data=(str(write("moods.jsonl", rows)),), cards=(card,), most=5),
        tmp_path / "r",
    )

    assert [head.name for head in found.heads] == ["sentiment"]
    assert found.heads[0].scores.support == (3, 0, 3)
    assert found.data[0].licence == "own"
    assert any(note.startswith("themes: no row has a label") for note in found.notes)
