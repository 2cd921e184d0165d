import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from groundswell.errors import InputError
from groundswell.tasks import Function, content_hash, parse_function, problems

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "training" / "functions").glob("*.yaml"))
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "function.json").read_text("utf-8"))

GOOD: dict[str, Any] = {
    "name": "mood",
    "version": 1,
    "description": "How a text feels.",
    "field": "mood",
    "labels": [
        {"name": "up", "description": {"en": "Good.", "zh": "好。"}, "examples": ["it rose"]},
        {"name": "down", "description": "Bad.", "examples": {"en": ["it fell"], "zh": ["下跌"]}},
    ],
    "lexicon": {"up": ["rose"]},
    "directions": [{"name": "turn", "given": "up", "replace": {"rose": "fell"}, "expect": "down"}],
}
TOKENS = GOOD | {
    "output": "tokens",
    "primary": "entity_f1",
    "directions": [],
    "labels": [{"name": "ORG", "description": "Firms.", "examples": ["[Norvane] opens"]}],
    "lexicon": {},
}


def changed(value, **changes):
    return {k: v for k, v in (value | changes).items() if v is not None}


def direction(**changes):
    return [GOOD["directions"][0] | changes]


def parse(value):
    return parse_function(json.dumps(value).encode(), "mood.yaml")


def schema_allows(value):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(value)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_shipped_functions_are_right(path):
    function = parse_function(path.read_bytes(), path.name)

    assert function.name == path.stem
    assert schema_allows(json.loads(msgspec.json.encode(function)))
    for label in function.labels:
        for language in ("en", "zh"):
            assert len(label.exemplars(language)) >= 3
            assert label.described(language)
    assert set(function.lexicon) == set(function.label_names)


def test_the_outputs_of_a_token_head_are_tags():
    entities = parse_function(FILES[0].read_bytes(), "entities")

    assert entities.outputs == (
        *("O", "B-PER", "I-PER", "B-ORG", "I-ORG"),
        *("B-LOC", "I-LOC", "B-MISC", "I-MISC"),
    )


@pytest.mark.parametrize(
    "value",
    [
        GOOD,
        TOKENS,
        changed(GOOD, output="ordered", slices=["language"], metrics=["ece", "accuracy"]),
        changed(GOOD, output="several", lexicon=None, directions=None),
        changed(GOOD, input={"fields": ["entity", "text"], "template": "{entity} | {text}"}),
        changed(GOOD, description={"zh": "情绪", "pt-BR": "Humor"}),
    ],
)
def test_schema_and_parser_take_what_is_right(value):
    assert schema_allows(value)
    assert parse(value).name == "mood"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (changed(GOOD, name="Mood"), r"\$\.name"),
        (changed(GOOD, version=0), r">= 1"),
        (changed(GOOD, version="1"), r"\$\.version"),
        (changed(GOOD, field=""), r"\$\.field"),
        (changed(GOOD, labels=None), "`labels`"),
        (changed(GOOD, labels=[]), r"\$\.labels"),
        (changed(GOOD, labels=[{"name": "a b", "description": "x"}]), r"labels\[0\]\.name"),
        (changed(GOOD, labels=[{"name": "a"}]), "`description`"),
        (changed(GOOD, labels=[{"name": "a", "description": ""}]), "length >= 1"),
        (changed(GOOD, labels=[{"name": "a", "description": {}}]), "length >= 1"),
        (changed(GOOD, labels=[{"name": "a", "description": "x", "color": "red"}]), "color"),
        (changed(GOOD, output="many"), "many"),
        (changed(GOOD, primary="f1"), "f1"),
        (changed(GOOD, metrics=["f1"]), "f1"),
        (changed(GOOD, invariance=["moon"]), "moon"),
        (changed(GOOD, lexicon={"up": "rose"}), "lexicon"),
        (changed(GOOD, directions=direction(replace={})), "replace"),
        (changed(GOOD, input={"fields": []}), "fields"),
        (changed(GOOD, strategy="full"), "strategy"),
    ],
)
def test_schema_and_parser_refuse_what_is_wrong(value, said):
    assert not schema_allows(value)
    with pytest.raises(InputError, match=rf"^mood\.yaml: .*{said}"):
        parse(value)


@pytest.mark.parametrize(
    ("value", "place", "said"),
    [
        (changed(GOOD, labels=GOOD["labels"] * 2), "labels[2].name", "stands twice"),
        (changed(GOOD, labels=GOOD["labels"][:1], directions=[]), "labels", "two labels"),
        (changed(GOOD, description=" "), "description", "blank"),
        (changed(GOOD, description={"English": "x"}), "description.English", "language tag"),
        (changed(GOOD, primary="entity_f1"), "primary", "output: tokens"),
        (changed(TOKENS, primary="macro_f1"), "primary", "output: tokens"),
        (changed(GOOD, lexicon={"sideways": ["flat"]}), "lexicon.sideways", "no label"),
        (changed(GOOD, directions=direction(given="x")), "directions[0].given", "no label"),
        (changed(GOOD, directions=direction(expect="x")), "directions[0].expect", "no label"),
        (changed(GOOD, directions=direction(expect="up")), "directions[0].expect", "another"),
        (changed(GOOD, directions=direction() * 2), "directions[1].name", "stands twice"),
        (
            changed(GOOD, directions=direction(replace={"Rose": "rose"})),
            "directions[0].replace.Rose",
            "itself",
        ),
        (
            changed(GOOD, directions=direction(replace={"rose": "fell", "Rose": "sank"})),
            "directions[0].replace.Rose",
            "case does not count",
        ),
        (
            changed(TOKENS, directions=direction(given="ORG", expect="")),
            "directions",
            "output: tokens has none",
        ),
        (
            changed(TOKENS, labels=[{"name": "ORG", "description": "x", "examples": ["[] b"]}]),
            "labels[0].examples[0]",
            "in brackets",
        ),
        (changed(GOOD, input={"template": "{text"}), "input.template", "expected '}'"),
        (changed(GOOD, input={"template": "no field"}), "input.template", "each of input.fields"),
        (changed(GOOD, input={"template": "{text} {text}"}), "input.template", "once"),
        (changed(GOOD, input={"template": "{text:>99999999}"}), "input.template", "plainly"),
        (changed(GOOD, input={"template": "{text.real}"}), "input.template", "nothing else"),
        (
            changed(GOOD, input={"fields": ["entity"], "template": "{entity}"}),
            "input.fields",
            "`text`",
        ),
    ],
)
def test_fields_that_do_not_agree_are_refused_with_their_place(value, place, said):
    found = problems(msgspec.convert(value, Function))

    assert [p for p in found if p.place == place and said in p.text]
    with pytest.raises(InputError) as refused:
        parse(value)
    assert all(f"{p.place}: {p.text}" in str(refused.value) for p in found)


@pytest.mark.parametrize("text", ["[a", "a]", "[[a]]", "no stretch", "[ ]", "[a] b]"])
def test_a_stretch_stands_in_one_pair_of_brackets(text):
    label = {"name": "ORG", "description": "x", "examples": {"en": ["[right] [too]", text]}}

    (problem,) = problems(msgspec.convert(changed(TOKENS, labels=[label]), Function))

    assert problem.place == "labels[0].examples.en[1]"


@pytest.mark.parametrize(
    "source",
    [b"", b"a: [", b"\xff\xfe\x00", b"- 1", b"{[1]: 2}", b"&a [*a]", b"x: 2026-99-99", b"[" * 3000],
)
def test_what_is_no_mapping_is_refused(source):
    with pytest.raises(InputError, match=r"^mood\.yaml: "):
        parse_function(source, "mood.yaml")


def test_the_hash_is_that_of_the_meaning():
    function = parse(GOOD)
    again = parse_function(
        b"# a comment\n" + msgspec.yaml.encode(dict(reversed(GOOD.items()))), "mood.yaml"
    )

    assert content_hash(again) == content_hash(function)
    assert content_hash(parse(changed(GOOD, version=2))) != content_hash(function)


def test_a_description_lacking_in_a_language_is_told_in_english_or_the_first():
    function = parse(changed(GOOD, description={"zh": "情绪", "fr": "humeur"}))

    assert function.described("fr") == "humeur"
    assert function.described("en") == "情绪"
    assert function.labels[0].described("zh") == "好。"
    assert function.labels[1].described("zh") == "Bad."
    assert function.labels[0].exemplars("zh") == ()
    assert function.labels[1].exemplars() == ("it fell", "下跌")


def test_a_row_is_composed_by_the_template():
    function = parse(
        changed(GOOD, input={"fields": ["entity", "text"], "template": "{entity} | {text}"})
    )

    assert function.compose({"text": "{entity} rose", "entity": "A", "more": "x"}) == (
        "A | {entity} rose"
    )
    with pytest.raises(KeyError):
        function.compose({"text": "x"})
