"""
Weak spots of a function: what is allowed, but makes it work, test or explain itself worse.

Pure: a function in, places and sentences out.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from groundswell.tasks import Direction, Function, Input, Label, Problem

LANGUAGES: Final = ("en", "zh")
"""The languages that a function should speak."""
ENOUGH: Final = 3
"""Examples a label and language from which a label works before anything is trained."""


def weak_spots(function: Function) -> Iterator[Problem]:
    """Yield the weak spots, each with its place."""
    yield from _unsaid(function, "description")
    for number, label in enumerate(function.labels):
        yield from _of_label(label, function.input, f"labels[{number}]")
    if function.output in {"single", "ordered"}:
        yield from _examples_twice(function)
    yield from _of_lexicon(function)
    labels = {label.name: label for label in function.labels}
    for number, test in enumerate(function.directions):
        if not _reached(test, labels[test.given]):
            yield Problem(
                f"directions[{number}].replace",
                f"no example of {test.given} holds one of its words",
            )
    if not function.directions and not function.invariance:
        yield Problem("", "neither directions nor invariance: nothing tests how it behaves")


def _unsaid(what: Function | Label, place: str) -> Iterator[Problem]:
    said = what.description if isinstance(what.description, Mapping) else {"en": what.description}
    for language in LANGUAGES:
        if language not in said:
            yield Problem(place, f"no description in {language}")


def _of_label(label: Label, given: Input, at: str) -> Iterator[Problem]:
    yield from _unsaid(label, f"{at}.description")
    for language in LANGUAGES:
        count = len(label.exemplars(language))
        if count < ENOUGH:
            yield Problem(
                f"{at}.examples",
                f"{label.name} has {count or 'no'} example{'s' * (count != 1)} in {language}; "
                f"it takes {ENOUGH} to work untrained",
            )
    composed = re.compile(
        "(?s)" + ".+".join(re.escape(part) for part in re.split(r"\{\w+\}", given.template))
    )
    for text in label.exemplars():
        if not composed.fullmatch(text):
            yield Problem(f"{at}.examples", f"{text!r} is not of the form {given.template!r}")


def _examples_twice(function: Function) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for number, label in enumerate(function.labels):
        for text in label.exemplars():
            if first.setdefault(text.casefold(), label.name) != label.name:
                yield Problem(
                    f"labels[{number}].examples",
                    f"{text!r} is an example of {first[text.casefold()]}, too",
                )


def _of_lexicon(function: Function) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, words in function.lexicon.items():
        for word in words:
            other = first.setdefault(word.casefold(), name)
            if other != name:
                yield Problem(f"lexicon.{name}", f"{word!r} speaks for {other}, too")
        folded = [word.casefold() for word in words]
        for word in sorted({word for word in folded if folded.count(word) > 1}):
            yield Problem(f"lexicon.{name}", f"{word!r} stands twice")
    for name in function.label_names:
        if function.lexicon and not function.lexicon.get(name):
            yield Problem("lexicon", f"no word speaks for {name}")


def _reached(test: Direction, label: Label) -> bool:
    """Whether a word of the test stands in an example of the label that it is about."""
    return any(
        re.search(_whole(word), text, re.IGNORECASE)
        for text in label.exemplars()
        for word in test.replace
    )


def _whole(word: str) -> str:
    # Scripts without blanks between words, such as Chinese, have no bounds to look for.
    return rf"(?a:(?<!\w){re.escape(word)}(?!\w))" if word.isascii() else re.escape(word)
