"""
Functions: the declarative description of a task.

A function says what goes in, what the labels of a head are and what each means, how it is measured and
how it must behave; data checks, heads, zero-shot, training, reports and the annotator's guide are built
from it. Rules: the value knows no file, whoever has the YAML passes its bytes in; types say what a field
may hold (``docs/schemas/function.json`` is made of them), ``problems`` what the fields owe one another.
"""

import hashlib
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from groundswell.errors import InputError

Output: TypeAlias = Literal["single", "several", "ordered", "tokens"]
"""One label; any number of labels; one of labels that have an order; a label for stretches of the text."""

Name: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
LabelName: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$")]

# No pattern here: msgspec 0.22 frees a pattern inside a union once too often and dies at exit.
Words: TypeAlias = Annotated[str, Meta(min_length=1)]
Said: TypeAlias = Words | Annotated[dict[str, Words], Meta(min_length=1)]
"""Something said: in English, or per language tag."""

Metric: TypeAlias = Literal[
    "accuracy",
    "macro_f1",
    "micro_f1",
    "entity_f1",
    "token_micro_f1",
    "per_class",
    "confusion",
    "ece",
    "risk_coverage",
]
"""What a report must show of a function; see `groundswell evaluate`."""

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")

OUTSIDE = "O"
"""The tag of a token that belongs to no stretch."""


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One label: its name in the data, what it means, and texts that deserve it.

    Description and examples are in English, or per language tag (``en``, ``zh``). In an example of a
    ``tokens`` function the stretch stands in brackets: "[Norvane] opens a plant". Where a template joins
    several fields, an example is what it joins them to: "Norvane | Norvane opens a plant".
    """

    name: LabelName
    description: Said
    examples: tuple[Words, ...] | dict[str, tuple[Words, ...]] = ()

    def described(self, language: str = "en") -> str:
        """Return the description in a language, else in English, else in the first there is."""
        return _said(self.description, language)

    def exemplars(self, language: str | None = None) -> tuple[str, ...]:
        """Return the examples in a language (those without one are English); of all for ``None``."""
        if isinstance(self.examples, tuple):
            return self.examples if language in {None, "en"} else ()
        if language is None:
            return tuple(text for texts in self.examples.values() for text in texts)
        return self.examples.get(language, ())


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What the model reads of a row.

    ``template`` joins the ``fields`` of a row; ``{text}`` is the text as the online path composes it of
    title and body. ``truncation`` says which end of a long text is kept: its head, or head and tail.
    """

    fields: Annotated[tuple[Name, ...], Meta(min_length=1)] = ("text",)
    template: str = "{text}"
    truncation: Literal["head", "head_tail"] = "head"


class Direction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A directional test: a text that the model labels ``given``, with whole words replaced, must not be.

    ``replace`` maps words to words, or to "" to take them out; case is kept. ``expect`` names the label
    that it should have then; where it is "" any other will do.
    """

    name: Name
    given: LabelName
    replace: Annotated[dict[Words, str], Meta(min_length=1)]
    expect: str = ""


Invariance: TypeAlias = Literal["company_names", "person_names", "add_url", "upper_case"]
"""Changes that must not change the label: other names of the same kind, a link at the end, capitals."""


class Function(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A task: ``field`` holds its label in a data row; label order is the order of the head.

    ``lexicon`` maps labels to words that speak for them; ``primary`` is the metric that chooses the best
    step; ``slices`` names fields of the rows (or ``language``, ``length``, ``numbers``, ``negation``)
    by which scores are told apart.
    """

    name: Name
    version: Annotated[int, Meta(ge=1)]
    description: Said
    field: Words
    input: Input = Input()
    output: Output = "single"
    labels: Annotated[tuple[Label, ...], Meta(min_length=1)]
    lexicon: dict[str, tuple[Words, ...]] = {}
    primary: Literal["macro_f1", "micro_f1", "accuracy", "entity_f1"] = "macro_f1"
    metrics: tuple[Metric, ...] = ()
    slices: tuple[Words, ...] = ()
    invariance: tuple[Invariance, ...] = ()
    directions: tuple[Direction, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels in the order in which they are declared."""
        return tuple(label.name for label in self.labels)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The head's outputs in order: the labels, or for ``tokens`` the BIO tags of each."""
        if self.output != "tokens":
            return self.label_names
        return (OUTSIDE, *(f"{part}-{name}" for name in self.label_names for part in "BI"))

    def described(self, language: str = "en") -> str:
        """Return the description in a language, else in English, else in the first there is."""
        return _said(self.description, language)

    def compose(self, fields: Mapping[str, str]) -> str:
        """Return what the model reads of a row whose fields are ``fields``; raises ``KeyError``."""
        return self.input.template.format_map({name: fields[name] for name in self.input.fields})


def _said(given: str | Mapping[str, str], language: str) -> str:
    if isinstance(given, str):
        return given
    return given.get(language) or given.get("en") or next(iter(given.values()), "")


def parse_function(source: bytes, name: str) -> Function:
    """
    Parse the YAML of a function; ``name`` says in messages where it came from.

    Raises ``InputError``.
    """
    try:
        function = msgspec.yaml.decode(source, type=Function)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: {error}") from error
    except ImportError as error:
        raise InputError(f"{name}: reading YAML needs PyYAML: pip install pyyaml") from error
    if found := [f"{place}: {text}" for place, text in problems(function)]:
        raise InputError(f"{name}: " + "; ".join(found))
    return function


class Problem(NamedTuple):
    """What is wrong with a function, and where: ``labels[2].examples.zh[0]``."""

    place: str
    text: str


def problems(function: Function) -> tuple[Problem, ...]:
    """Return what no type can say of a function: how its fields must agree with one another."""
    return (
        *_of_texts(function),
        *_of_labels(function),
        *_of_input(function.input),
        *_of_measures(function),
        *_of_directions(function),
    )


def _of_texts(function: Function) -> Iterator[Problem]:
    texts = [*_texts("description", function.description)]
    for number, label in enumerate(function.labels):
        texts += _texts(f"labels[{number}].description", label.description)
        texts += _texts(f"labels[{number}].examples", label.examples)
    for place, language, text in texts:
        if not _LANGUAGE.fullmatch(language):
            yield Problem(place, f"{language!r} is no language tag, such as en or zh")
        if not text.strip():
            yield Problem(place, "is blank")


def _texts(
    place: str, given: str | tuple[str, ...] | Mapping[str, str | tuple[str, ...]]
) -> Iterator[tuple[str, str, str]]:
    """Yield the place, the language and the text of each string below ``given``."""
    if isinstance(given, Mapping):
        for language, said in given.items():
            for at, _, text in _texts(f"{place}.{language}", said):
                yield at, language, text
    elif isinstance(given, str):
        yield place, "en", given
    else:
        for number, text in enumerate(given):
            yield f"{place}[{number}]", "en", text


def _of_labels(function: Function) -> Iterator[Problem]:
    names = function.label_names
    for place, name in enumerate(names):
        if name in names[:place]:
            yield Problem(f"labels[{place}].name", f"{name}: a label stands twice")
    if function.output != "tokens":
        if len(names) < 2:  # noqa: PLR2004 - a choice needs two
            yield Problem("labels", "a choice needs two labels at least")
        return
    for number, label in enumerate(function.labels):
        for at, _, text in _texts(f"labels[{number}].examples", label.examples):
            if not _brackets_right(text):
                yield Problem(at, "must hold the stretch in brackets, [like this]")


def _brackets_right(text: str) -> bool:
    """Whether each bracket is closed before the next opens, and one pair at least holds something."""
    rest, count = re.subn(r"\[[^\[\]]*[^\[\]\s][^\[\]]*\]", "", text)
    return count > 0 and "[" not in rest and "]" not in rest


def _of_input(given: Input) -> Iterator[Problem]:
    if "text" not in given.fields:
        yield Problem("input.fields", "must hold `text`")
    try:
        parts = [part for part in string.Formatter().parse(given.template) if part[1] is not None]
    except ValueError as error:
        yield Problem("input.template", str(error))
        return
    # A format or a conversion would let a file write widths and quotes that nobody asked for.
    if any(form or conversion for _, _, form, conversion in parts):
        yield Problem("input.template", "must name each field plainly, as {text}")
    if sorted(field or "" for _, field, _, _ in parts) != sorted(given.fields):
        yield Problem(
            "input.template",
            "must use each of input.fields once, and nothing else: " + ", ".join(given.fields),
        )


def _of_measures(function: Function) -> Iterator[Problem]:
    for name in function.lexicon:
        if name not in function.label_names:
            yield Problem(f"lexicon.{name}", f"{name}: no label of this function")
    if (function.primary == "entity_f1") != (function.output == "tokens"):
        yield Problem("primary", "entity_f1 belongs to output: tokens, and only to it")


def _of_directions(function: Function) -> Iterator[Problem]:
    if function.directions and function.output == "tokens":
        yield Problem("directions", "are for the label of a text, and output: tokens has none")
    names = Counter(test.name for test in function.directions)
    for place, test in enumerate(function.directions):
        at = f"directions[{place}]"
        if names[test.name] > 1:
            yield Problem(f"{at}.name", f"{test.name}: a test stands twice")
        for key, label in (("given", test.given), ("expect", test.expect)):
            if label and label not in function.label_names:
                yield Problem(f"{at}.{key}", f"{label}: no label of this function")
        if test.given == test.expect:
            yield Problem(f"{at}.expect", "must be another label than `given`")
        folded = Counter(word.casefold() for word in test.replace)
        for word, other in test.replace.items():
            if word.casefold() == other.casefold():
                yield Problem(f"{at}.replace.{word}", "is replaced by itself")
            if folded[word.casefold()] > 1:
                yield Problem(f"{at}.replace.{word}", "stands twice: case does not count")


def content_hash(function: Function) -> str:
    """Return the SHA-256 (hex) of what the function says, whatever its layout in the file."""
    return hashlib.sha256(msgspec.json.encode(function, order="deterministic")).hexdigest()
