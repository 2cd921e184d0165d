"""`classify --function`: labels that were described and never trained."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumers.news.classify import run
from consumers.news.similar import read_functions
from groundswell.errors import BundleError, InputError
from groundswell.models.prototypes import label_texts, lexicon_prior
from groundswell.settings import Settings
from groundswell.tasks import Function, Label
from tests.news_world import TAGGER, TINY

DEFAULT = Path(__file__).parents[2] / "deploy" / "models" / "default"
OUTAGES = {
    "name": "cyber",
    "description": "Cyber attacks, data breaches, ransomware, hackers.",
    "examples": [
        "Hackers steal customer data from retailer",
        "Ransomware shuts hospital group's systems for a third day",
        "Bank admits breach exposed card details of 40,000 clients",
    ],
}
MOOD: dict[str, Any] = {
    "name": "mood",
    "version": 1,
    "description": "The mood.",
    "field": "mood",
    "labels": [
        {"name": "gloom", "description": "shares crash", "examples": ["loss", "stocks plunges"]},
        {"name": "cheer", "description": "profit soars", "examples": ["gains", "shares soars"]},
    ],
}


def answered(tmp_path, function, rows, bundle=TINY):
    source, out, declared = (tmp_path / name for name in ("in.jsonl", "out.jsonl", "f.yaml"))
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    declared.write_text(yaml.safe_dump(function, allow_unicode=True))
    settings = Settings(bundle=bundle, threads=1, batch_items=4)
    assert run(settings, str(source), str(out), (declared,)) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_function_without_a_head_is_answered_by_what_texts_resemble(tmp_path):
    rows = [{"text": "crash"}, {"text": "profit gains"}, {"text": 5}, {"text": "explode"}]
    gloom, cheer, bad, culprit = answered(tmp_path, MOOD, rows)

    assert gloom["mood"]["label"] == "gloom"
    assert cheer["mood"]["label"] == "cheer"
    assert cheer["mood"]["probabilities"]["cheer"] > 0.5
    assert gloom["sentiment"]["label"] == "negative"
    assert bad["error"].startswith("bad_field")
    assert culprit["error"].startswith("model_failed")


def test_several_labels_of_a_function_may_hold(tmp_path):
    [row] = answered(tmp_path, MOOD | {"output": "several"}, [{"text": "stocks crash"}])

    assert [label["label"] for label in row["mood"]] == ["gloom"]


def test_a_label_added_to_a_topic_works_at_once_and_the_others_stay(tmp_path):
    known = json.loads((DEFAULT / "manifest.json").read_text())["heads"]
    [labels] = [head["labels"] for head in known if head["name"] == "topic"]
    function = {
        "name": "topic",
        "version": 2,
        "description": "What a text is about.",
        "field": "topic",
        "labels": [*({"name": name, "description": name} for name in labels), OUTAGES],
    }
    texts = {
        "Ransomware attack halts production at Norvane plants": "cyber",
        "Insurer says hackers accessed records of two million policyholders": "cyber",
        "Central bank raises its policy rate by half a point, more than expected": "rates",
        "Brambell Foods lifts its quarterly profit by a third as costs fall": "earnings",
        "Crude oil slips as stockpiles rise": "commodities",
    }
    rows = answered(tmp_path, function, [{"text": text} for text in texts], DEFAULT)

    assert [row["topics"][0]["label"] for row in rows] == list(texts.values())


def test_the_lexicon_tips_the_scale(tmp_path):
    rows = [{"text": "meeting"}]
    [without] = answered(tmp_path, MOOD, rows)
    [given] = answered(tmp_path, MOOD | {"lexicon": {"cheer": ["Meeting"]}}, rows)

    odds = [row["mood"]["probabilities"] for row in (without, given)]
    before, after = (p["cheer"] / p["gloom"] for p in odds)
    assert after == pytest.approx(2 * before, rel=1e-2)


def test_the_lexicon_counts_whole_words_of_any_case_and_chinese_anywhere():
    function = Function(
        name="f",
        version=1,
        description="f",
        field="f",
        labels=(Label(name="a", description="a"), Label(name="b", description="b")),
        lexicon={"a": ("rate", "rate cut"), "b": ("比特币", "c++")},
    )
    prior = lexicon_prior(function, ["A RATE cut, the rate, rates", "买比特币 c++", ""])

    assert prior.round(3).tolist() == [[1.099, 0.0], [0.0, 1.099], [0.0, 0.0]]


def test_texts_of_labels_are_those_in_the_bundle_s_languages():
    label = Label(
        name="a",
        description={"en": "rain", "zh": "下雨"},
        examples={"en": ("wet",), "zh": ("湿",), "de": ("nass",)},
    )
    function = Function(
        name="f", version=1, description="f", field="f", labels=(label, label)
    )  # fmt: skip

    assert label_texts(function, ("en",))[0] == ("rain", "wet")
    assert label_texts(function, ("en", "zh"))[1] == ("rain", "下雨", "wet", "湿")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {
                "output": "tokens",
                "primary": "entity_f1",
                "labels": [{"name": "ORG", "description": "a company"}],
            },
            "mood: stretches of text cannot be found by similarity",
        ),
        ({"labels": [{"name": "a", "description": "explode"}, *MOOD["labels"]]}, "label a: the mo"),
        ({"name": "sentiment", "output": "several"}, "give the function another name"),
        ({"name": "bundle"}, "`bundle` is a field of every row"),
        ({"input": {"fields": ["text", "who"], "template": "{who} {text}"}}, "reads '{text}'"),
    ],
)
def test_functions_that_cannot_be_answered_are_named(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        answered(tmp_path, MOOD | changes, [{"text": "crash"}])


def test_files_of_functions_are_named(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"")
    settings = Settings(bundle=TINY, threads=1)
    with pytest.raises(InputError, match=r"missing\.yaml: cannot be read"):
        run(settings, str(source), "-", (tmp_path / "missing.yaml",))
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(MOOD))
    with pytest.raises(InputError, match=r"b\.yaml: another file given declares 'mood'"):
        run(settings, str(source), "-", (tmp_path / "a.yaml", tmp_path / "b.yaml"))


def test_a_bundle_that_embeds_nothing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("groundswell.models.session.EMBEDDING", "vectors")

    with pytest.raises(BundleError, match="no output 'vectors'"):
        answered(tmp_path, MOOD, [{"text": "crash"}], TAGGER)


def test_a_name_in_place_of_a_file_is_told_how_to_get_the_file():
    with pytest.raises(
        InputError, match=r"moods: cannot be read .*functions show moods > moods\.yaml"
    ):
        read_functions([Path("moods")])
