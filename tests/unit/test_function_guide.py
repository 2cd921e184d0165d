import json
import re

import msgspec
import pytest

from groundswell.tasks import Function, Label
from training.function_guide import guide
from training.function_phrases import PHRASES
from training.functions import find_function, shipped


def row_of(page):
    match = re.search(r"```json\n(.*)\n```", page)
    assert match
    return json.loads(match[1])


def test_both_languages_say_the_same_things():
    english, chinese = PHRASES["en"], PHRASES["zh"]

    assert english.keys() == chinese.keys()
    for key, phrase in english.items():
        if isinstance(phrase, str):
            asked = re.findall(r"\{\w+\}", phrase)
            assert sorted(re.findall(r"\{\w+\}", chinese[key])) == sorted(asked), key


@pytest.mark.parametrize("name", list(shipped()))
@pytest.mark.parametrize("language", list(PHRASES))
def test_a_page_holds_every_label_with_its_description_and_examples(name, language):
    function = find_function(name)

    page = guide(function, language)

    assert function.described(language) in page
    plain = page.replace("\\", "")
    for label in function.labels:
        assert f"\n### `{label.name}`\n\n{label.described(language)}\n" in page
        for text in label.exemplars(language):
            assert "- " + text.replace("[", "**").replace("]", "**") in plain
    assert PHRASES[language]["title"].format(name=name) in page


def test_the_sentiment_page_says_what_is_neutral_and_which_words_turn_a_label():
    page = guide(find_function("sentiment"))

    assert (
        "`neutral` where the text is this: A fact without direction, routine company news" in page
    )
    assert "`positive` becomes `negative`: rose → fell; " in page
    assert "`positive` becomes another label: rose → did not rise; " in page
    assert "上涨" not in page
    assert "上涨 → 下跌" in guide(find_function("sentiment"), "zh")


def test_only_token_functions_explain_stretches():
    assert "## Stretches" in guide(find_function("entities"))
    assert "## Stretches" not in guide(find_function("topic"))


def test_the_sample_row_can_be_read_as_data():
    stretched = row_of(guide(find_function("entities"), "zh"))
    targeted = row_of(guide(find_function("targeted_sentiment")))

    (span,) = stretched["entities"]
    assert stretched["text"][span["start"] : span["end"]] == span["text"] == "林启明"
    assert "[" not in stretched["text"]
    assert targeted["entity"] == "Castellan Airways"
    assert targeted["text"].startswith("Vantmoor beats")
    assert targeted["targeted_sentiment"] == "negative"


@pytest.mark.parametrize(
    ("output", "said", "value"),
    [
        ("ordered", "They have an order: `low` < `high`.", "low"),
        ("several", "None may hold: then give an empty list.", ["low"]),
    ],
)
def test_each_output_is_explained(output, said, value):
    function = Function(
        name="risk",
        version=1,
        description="Risk.",
        field="risk",
        output=output,
        labels=(
            Label(name="low", description="Low *risk*", examples=("a_b [c](d) <e>",)),
            Label(name="high", description="High"),
        ),
    )

    page = guide(function, "en")

    assert said in page
    assert r"- a\_b \[c\](d) \<e\>" in page
    assert row_of(page) == {"text": "a_b [c](d) <e>", "risk": value}
    assert "Low *risk*" in guide(function, "zh")


def test_a_function_without_any_example_has_a_page():
    labels = tuple(Label(name=name, description=name) for name in ("a", "b"))
    function = Function(name="bare", version=1, description="x", field="bare", labels=labels)
    two = msgspec.structs.replace(find_function("targeted_sentiment"), labels=labels)

    assert row_of(guide(function)) == {"text": "…", "bare": "a"}
    assert row_of(guide(two)) == {"text": "…", "entity": "…", "targeted_sentiment": "a"}
