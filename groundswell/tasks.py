"""
Functions: the declarative description of a task.

A function says what goes in, what the labels of a head are and what each means, how it is measured and
how it must behave; data checks, heads, zero-shot, training, reports and the annotator's guide are built
from it. Rule: the value knows no file; whoever has the YAML passes its bytes in.
"""

import hashlib
import string
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from groundswell.errors import InputError

Output: TypeAlias = Literal["single", "several", "ordered", "tokens"]
"""One label; any number of labels; one of labels that have an order; a label for stretches of the text."""

Name: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
LabelName: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$")]

OUTSIDE = "O"
"""The tag of a token that belongs to no stretch."""


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One label: its name in the data, what it means, and texts that deserve it.

    Description and examples are in English, or per language tag (``en``, ``zh``). In an example of a
    ``tokens`` function the stretch stands in brackets: "[Norvane] opens a plant".
    """

    name: LabelName
    description: str | dict[str, str]
    examples: tuple[str, ...] | dict[str, tuple[str, ...]] = ()

    def described(self, language: str = "en") -> str:
        """Return the description in a language, else in English, else in the first there is."""
        if isinstance(self.description, str):
            return self.description
        given = self.description
        return given.get(language) or given.get("en") or next(iter(given.values()), "")

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

    fields: Annotated[tuple[str, ...], Meta(min_length=1)] = ("text",)
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
    replace: Annotated[dict[str, str], Meta(min_length=1)]
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
    description: str | dict[str, str]
    field: str
    input: Input = Input()
    output: Output = "single"
    labels: Annotated[tuple[Label, ...], Meta(min_length=1)]
    lexicon: dict[str, tuple[str, ...]] = {}
    primary: Literal["macro_f1", "micro_f1", "accuracy", "entity_f1"] = "macro_f1"
    metrics: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
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
        if isinstance(self.description, str):
            return self.description
        given = self.description
        return given.get(language) or given.get("en") or next(iter(given.values()), "")

    def compose(self, fields: Mapping[str, str]) -> str:
        """Return what the model reads of a row whose fields are ``fields``; raises ``KeyError``."""
        return self.input.template.format_map({name: fields[name] for name in self.input.fields})


def parse_function(source: bytes, name: str) -> Function:
    """
    Parse the YAML of a function; ``name`` says in messages where it came from.

    Raises ``InputError``.
    """
    try:
        function = msgspec.yaml.decode(source, type=Function)
    except msgspec.DecodeError as error:
        raise InputError(f"{name}: {error}") from error
    names = function.label_names
    if len(set(names)) != len(names):
        raise InputError(f"{name}: a label stands twice")
    if function.output != "tokens" and len(names) < 2:  # noqa: PLR2004 - a choice needs two
        raise InputError(f"{name}: a choice needs two labels at least")
    if (function.primary == "entity_f1") != (function.output == "tokens"):
        raise InputError(f"{name}: primary: entity_f1 belongs to output: tokens, and only to it")
    unknown = {*function.lexicon, *(test.given for test in function.directions)}
    unknown |= {test.expect for test in function.directions if test.expect}
    if strangers := sorted(unknown - set(names)):
        raise InputError(f"{name}: {', '.join(strangers)}: no label of this function")
    _check_template(function, name)
    return function


def _check_template(function: Function, name: str) -> None:
    try:
        asked = [field for _, field, _, _ in string.Formatter().parse(function.input.template)]
    except ValueError as error:
        raise InputError(f"{name}: input.template: {error}") from None
    if {field for field in asked if field is not None} != set(function.input.fields):
        raise InputError(
            f"{name}: input.template must use each of input.fields, and nothing else: "
            + ", ".join(function.input.fields)
        )
    if "text" not in function.input.fields:
        raise InputError(f"{name}: input.fields must hold `text`")


def content_hash(function: Function) -> str:
    """Return the SHA-256 (hex) of what the function says, whatever its layout in the file."""
    return hashlib.sha256(msgspec.json.encode(function, order="deterministic")).hexdigest()
