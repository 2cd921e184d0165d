"""
The annotator's page of a function, in Markdown, in English or Chinese.

Made of what the function says, so that people and models are told the same. Pure: a function in, a page
out; descriptions and examples that lack a language stand in English.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from groundswell.tasks import Function, Label
from training.function_phrases import PHRASES

MOST_WORDS: Final = 24
"""Words of the lexicon that are shown for a label."""
MOST_PAIRS: Final = 6
"""Pairs of words that are shown for a directional test."""
_CJK: Final = re.compile(r"[\u3400-\u9fff]")
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|#])")


def guide(function: Function, language: str = "en") -> str:
    """Return the page; ``language`` is one of ``PHRASES``."""
    say = PHRASES[language]
    parts = [
        f"# {say['title'].format(name=function.name)}",
        say["made_of"].format(version=function.version),
        function.described(language),
        f"## {say['what_to_do']}",
        _bullets(_doing(function, say)),
        f"## {say['labels']}",
        *(_label(function, label, language, say) for label in function.labels),
        f"## {say['doubt']}",
        _bullets(_doubts(function, language, say)),
    ]
    if pairs := list(_turns(function, language, say)):
        parts += [f"## {say['turns']}", say["turns_why"], _bullets(pairs)]
    if function.output == "tokens":
        parts += [f"## {say['stretches']}", _bullets(iter(say["stretch_rules"]))]
    parts += [f"## {say['row']}", say["row_why"], f"```json\n{_row(function, language)}\n```"]
    return "\n\n".join(parts) + "\n"


def _bullets(lines: Iterator[str] | list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _plain(text: str) -> str:
    """Keep what means something to Markdown from meaning it."""
    return _MARKUP.sub(r"\\\1", text)


def _doing(function: Function, say: dict[str, Any]) -> Iterator[str]:
    names = ", ".join(f"`{name}`" for name in function.label_names)
    yield say["reads"].format(fields=", ".join(f"`{name}`" for name in function.input.fields))
    yield say[function.output].format(
        names=names, order=" < ".join(f"`{name}`" for name in function.label_names)
    )
    yield say["alone"]


def _label(function: Function, label: Label, language: str, say: dict[str, Any]) -> str:
    lines = [f"### `{label.name}`", label.described(language)]
    if shown := label.exemplars(language) or label.exemplars("en"):
        texts = [_example(function, text) for text in shown]
        lines.append(f"{say['examples']}\n\n{_bullets(texts)}")
    words = [w for w in function.lexicon.get(label.name, ()) if _speaks(w, language)]
    if words:
        joined = say["comma"].join(_plain(word) for word in words[:MOST_WORDS])
        lines.append(f"{say['words']}{joined}{'…' if len(words) > MOST_WORDS else ''}")
    return "\n\n".join(lines)


def _example(function: Function, text: str) -> str:
    if function.output != "tokens":
        return _plain(text)
    return re.sub(
        r"([^\[]*)(?:\[([^\]]*)\])?",
        lambda match: _plain(match[1]) + (f"**{_plain(match[2])}**" if match[2] else ""),
        text,
    )


def _speaks(word: str, language: str) -> bool:
    return bool(_CJK.search(word)) == (language == "zh")


def _doubts(function: Function, language: str, say: dict[str, Any]) -> Iterator[str]:
    for label in function.labels:
        yield say["take_where"].format(name=label.name, description=label.described(language))
    yield from say["doubt_rules"]
    for kind in function.invariance:
        yield say[kind]


def _turns(function: Function, language: str, say: dict[str, Any]) -> Iterator[str]:
    for test in function.directions:
        pairs = [(a, b) for a, b in test.replace.items() if _speaks(a, language)][:MOST_PAIRS]
        if pairs:
            shown = say["semicolon"].join(
                f"{_plain(a)} → {_plain(b) or say['nothing']}" for a, b in pairs
            )
            becomes = f"`{test.expect}`" if test.expect else say["another"]
            yield say["turn"].format(given=test.given, becomes=becomes, pairs=shown)


def _row(function: Function, language: str) -> str:
    """Return a row of the data as JSON, made of the first example that there is."""
    label = next((one for one in function.labels if one.exemplars()), function.labels[0])
    texts = label.exemplars(language) or label.exemplars()
    fields = _fields(function, texts[0] if texts else "…")
    value: Any = label.name
    if function.output == "several":
        value = [label.name]
    elif function.output == "tokens":
        fields["text"], value = _stretches(fields["text"], label.name)
    return json.dumps({**fields, function.field: value}, ensure_ascii=False)


def _fields(function: Function, example: str) -> dict[str, str]:
    """Take an example apart as the template put it together."""
    pieces = re.split(r"\{(\w+)\}", function.input.template)
    pattern = "".join(
        f"(?P<{piece}>.+)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)
    )
    found = re.fullmatch(f"(?s){pattern}", example)
    return (
        found.groupdict()
        if found
        else dict.fromkeys(function.input.fields, "…") | {"text": example}
    )


def _stretches(example: str, label: str) -> tuple[str, list[dict[str, Any]]]:
    text, spans = "", []
    for place, piece in enumerate(re.split(r"\[([^\]]*)\]", example)):
        if place % 2:
            spans.append(
                {"text": piece, "type": label, "start": len(text), "end": len(text) + len(piece)}
            )
        text += piece
    return text, spans
