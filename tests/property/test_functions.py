"""Functions survive their files, and the schema, the parser and the check agree on any value."""

import json
from pathlib import Path

import jsonschema
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell.errors import InputError
from groundswell.tasks import Direction, Function, Input, Label, content_hash, parse_function
from training.function_check import check_function
from training.function_guide import guide

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs/schemas/function.json").read_text("utf-8"))
)

NAMES = ("up", "Down", "flat_2")
# What YAML cannot hold unescaped and what it may mistake for something else are both among them.
texts = st.one_of(
    st.sampled_from(
        ("yes", "null", "1", "2026-03-31", "- a", "a: b", "#", "'", "《上涨》", "\u2028")
    ),
    st.text(min_size=1, max_size=12),
).filter(str.strip)
said = st.one_of(texts, st.fixed_dictionaries({"en": texts}, optional={"zh": texts}))


@st.composite
def functions(draw):
    tokens = draw(st.booleans())
    stretches = texts.map(lambda text: "[" + text.replace("[", "(").replace("]", ")") + "]")
    examples = st.lists(stretches if tokens else texts, max_size=3).map(tuple)
    labels = tuple(
        Label(
            name=name,
            description=draw(said),
            examples=draw(
                st.one_of(examples, st.dictionaries(st.sampled_from(("en", "zh")), examples))
            ),
        )
        for name in draw(st.permutations(NAMES))
    )
    words = st.lists(texts, max_size=3).map(tuple)
    given, expect = draw(st.permutations(NAMES))[:2]
    test = Direction(
        name="turn",
        given=given,
        replace={draw(texts): ""},
        expect=draw(st.sampled_from(("", expect))),
    )
    return Function(
        name=draw(st.sampled_from(("mood", "x_1"))),
        version=draw(st.integers(1, 9)),
        description=draw(said),
        field=draw(texts),
        input=draw(
            st.sampled_from(
                (Input(), Input(fields=("text", "entity"), template="{entity}\n{{}} {text}"))
            )
        ),
        output="tokens" if tokens else draw(st.sampled_from(("single", "several", "ordered"))),
        labels=labels,
        lexicon=draw(st.dictionaries(st.sampled_from(NAMES), words)),
        primary="entity_f1" if tokens else "macro_f1",
        directions=() if tokens else draw(st.sampled_from(((), (test,)))),
    )


@given(functions())
def test_a_function_survives_its_file(function):
    source = msgspec.yaml.encode(function)

    again = parse_function(source, "f.yaml")

    assert again == function
    assert content_hash(again) == content_hash(function)
    assert SCHEMA.is_valid(json.loads(msgspec.json.encode(function)))
    assert check_function(source).function == function


@given(functions(), st.sampled_from(("en", "zh")))
def test_every_function_has_a_page(function, language):
    page = guide(function, language)

    assert all(f"### `{name}`" in page for name in function.label_names)


def places(value, at=()):
    yield at
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*at, key))


@settings(max_examples=200)
@given(functions(), st.data())
def test_schema_parser_and_check_agree_on_a_value_with_one_part_replaced(function, data):
    value = json.loads(msgspec.json.encode(function))
    at = data.draw(st.sampled_from([place for place in places(value) if place]))
    part = value
    for key in at[:-1]:
        part = part[key]
    part[at[-1]] = data.draw(
        st.sampled_from((None, 0, 1, True, "", "up", [], ["a"], {}, {"en": "a"}))
    )
    source = msgspec.yaml.encode(value)

    try:
        parse_function(source, "f.yaml")
    except InputError:
        parsed = False
    else:
        parsed = True

    try:
        msgspec.convert(value, Function)
    except msgspec.ValidationError:
        typed = False
    else:
        typed = True
    assert SCHEMA.is_valid(value) == typed
    assert typed or not parsed
    assert bool(check_function(source).faults) == (not parsed)
