import pytest

from training.function_check import check_function
from training.functions import shipped

GOOD = """\
name: mood
version: 1
description: {en: How a text feels., zh: 文本的情绪。}
field: mood
labels:
  - name: up
    description: {en: Good., zh: 好。}
    examples: {en: [it rose, it won, it grew], zh: [上涨, 增长, 盈利]}
  - name: down
    description: {en: Bad., zh: 坏。}
    examples: {en: [it fell, it lost, it shrank], zh: [下跌, 下滑, 亏损]}
lexicon: {up: [rose, gain], down: [fell, 下跌]}
directions:
  - {name: turn, given: up, replace: {rose: fell}, expect: down}
"""


def said(source):
    checked = check_function(source.encode() if isinstance(source, str) else source)
    return [finding.shown("f") for finding in (*checked.faults, *checked.weak)]


def weak(old, new):
    assert old in GOOD
    checked = check_function(GOOD.replace(old, new).encode())
    assert checked.function is not None
    return [finding.shown("f") for finding in checked.weak]


@pytest.mark.parametrize("path", shipped().values(), ids=list(shipped()))
def test_the_shipped_functions_have_no_weak_spot(path):
    assert said(path.read_bytes()) == []


def test_a_good_file_has_nothing_to_mend():
    checked = check_function(GOOD.encode())

    assert (checked.faults, checked.weak) == ((), ())
    assert checked.function is not None
    assert checked.function.name == "mood"


def test_every_fault_of_types_is_told_with_its_line():
    source = """\
name: Mood
version: 0
description: {en: 3, zh: ''}
labels:
  - {name: a, description: x, exampels: [q]}
  - description: x
    examples:
      en:
        - fine
        - 1
  - 7
lexicon: {a: [1], b: c}
input: {template: 3, fields: text}
directions:
  - {name: d, given: a, replace: {}}
"""

    lines = said(source)

    assert lines == sorted(lines, key=lambda line: int(line.split(":")[1]))
    for start in (
        "f:1: `field` is missing",
        "f:1: name: Expected `str` matching",
        "f:2: version: Expected `int` >= 1",
        "f:3: description.en: Expected `str`, got `int`",
        "f:3: description.zh: Expected `str` of length >= 1",
        "f:5: labels[0].exampels: unknown key; known are name, description, examples",
        "f:6: labels[1]: `name` is missing",
        "f:10: labels[1].examples.en[1]: Expected `str`, got `int`",
        "f:11: labels[2]: must be a mapping of name, description, examples",
        "f:12: lexicon.a[0]: Expected `str`, got `int`",
        "f:12: lexicon.b: Expected `array`, got `str`",
        "f:13: input.fields: Expected `array`, got `str`",
        "f:13: input.template: Expected `str`, got `int`",
        "f:15: directions[0].replace: Expected `object` of length >= 1",
    ):
        assert [line for line in lines if line.startswith(start)], start
    assert len(lines) == 14


def test_every_disagreement_is_told_with_its_line():
    source = GOOD.replace("given: up", "given: left").replace("{up: [rose", "{across: [rose")

    assert said(source) == [
        "f:12: lexicon.across: across: no label of this function",
        "f:14: directions[0].given: left: no label of this function",
    ]


def test_a_key_that_stands_twice_is_told():
    assert said(GOOD + "version: 2\n") == [
        "f:15: version: stands twice; only the last would be read"
    ]


@pytest.mark.parametrize(
    ("source", "start"),
    [
        (b"a:\n  - [", "f:2: no YAML: while parsing a flow node"),
        (b"\xff\xfe\x00", "f: no YAML: "),
        (b"a: !!python/name:os.system x", "f:1: no YAML: could not determine a constructor"),
        (b"[" * 3000, "f: no YAML: "),
        (b"when: 2026-99-99", "f: no YAML: month must be"),
        (b"{[1]: 2}", "f:1: no YAML: "),
        (b"", "f: must be a mapping of name, version"),
        (b"- 1", "f:1: must be a mapping of name, version"),
        (b"&a [*a]", "f:1: must be a mapping of name, version"),
        (b"labels: &a\n  - examples: *a", "f:1: `description` is missing"),
    ],
)
def test_a_file_that_is_no_function_is_told_in_a_line(source, start):
    assert said(source)[0].startswith(start)


def test_names_that_grow_without_end_are_read_in_no_time():
    bomb = "x0: &x0 [a, a]\n" + "".join(
        f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 30)
    )

    assert "x29: unknown key" in said(bomb)[-1]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (", zh: 文本的情绪。}", "}", ["f:3: description: no description in zh"]),
        (", zh: 坏。}", "}", ["f:10: labels[1].description: no description in zh"]),
        (
            "    examples: {en: [it fell, it lost, it shrank], zh: [下跌, 下滑, 亏损]}\n",
            "",
            [
                "f:9: labels[1].examples: down has no examples in en; it takes 3 to work untrained",
                "f:9: labels[1].examples: down has no examples in zh; it takes 3 to work untrained",
            ],
        ),
        (
            "zh: [上涨, 增长, 盈利]",
            "zh: [上涨]",
            ["f:8: labels[0].examples: up has 1 example in zh; it takes 3 to work untrained"],
        ),
        ("it shrank", "It Won", ["f:11: labels[1].examples: 'It Won' is an example of up, too"]),
        ("down: [fell", "down: [Rose", ["f:12: lexicon.down: 'Rose' speaks for up, too"]),
        ("up: [rose, gain]", "up: [gain, gain]", ["f:12: lexicon.up: 'gain' stands twice"]),
        (", down: [fell, 下跌]}", "}", ["f:12: lexicon: no word speaks for down"]),
        (
            "{rose: fell}",
            "{ros: fall}",
            ["f:14: directions[0].replace: no example of up holds one of its words"],
        ),
        ("{rose: fell}", "{上: 下}", []),
        (
            "directions:\n  - {name: turn, given: up, replace: {rose: fell}, expect: down}\n",
            "",
            ["f:1: neither directions nor invariance: nothing tests how it behaves"],
        ),
    ],
)
def test_weak_spots_are_told(old, new, expected):
    assert weak(old, new) == expected


def test_an_example_must_be_what_the_template_makes():
    source = GOOD.replace(
        "labels:\n", "input: {fields: [text, entity], template: '{entity}: {text}'}\nlabels:\n"
    ).replace("it rose", "'Norvane: it rose'")

    lines = said(source)

    assert "f:9: labels[0].examples: 'it won' is not of the form '{entity}: {text}'" in lines
    assert not [line for line in lines if "it rose" in line]
