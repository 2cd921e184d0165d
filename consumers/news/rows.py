"""
The rows of `classify`: from a line to what the model reads, and back with labels.

A row is a JSON object with `text`, or `title` and `body`, and whatever other fields the bundle's
template joins. Rule: a row that cannot be read is kept, with `error` (a line that is no object as
`row`).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from groundswell.models.bundle import PLAIN, Manifest
from groundswell.text import compose, normalise


class Read(NamedTuple):
    """A line's fields, the text that the model reads of it, and what is wrong with it ("": nothing)."""

    fields: dict[str, Any]
    text: str
    error: str


def read(line: bytes, manifest: Manifest) -> Read:
    """Read a line for a bundle."""
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Read({"row": line.decode("utf-8", "replace").strip()}, "", f"not_json: {error}")
    if not isinstance(row, dict):
        return Read({"row": row}, "", "not_object: the line is no JSON object")
    title = row.get("title") if row.get("title") is not None else row.get("text")
    body = row.get("body")
    title, body = ("" if part is None else part for part in (title, body))
    if not isinstance(title, str) or not isinstance(body, str):
        return Read(row, "", "bad_field: `text`, `title` and `body` must be strings")
    text = compose(title, body, manifest.max_chars)
    if not text:
        return Read(row, "", "no_text: there is no readable character")
    return Read(row, text, "") if manifest.template == PLAIN else _filled(row, text, manifest)


def _filled(row: dict[str, Any], text: str, manifest: Manifest) -> Read:
    """Fill the template; `{text}` stands for the composed text."""
    values = {"text": text}
    for name in manifest.fields:
        if name == "text":
            continue
        value = row.get(name)
        if value is None or value == "":
            return Read(row, "", f"no_field: the model reads {manifest.template!r}; give `{name}`")
        if not isinstance(value, str):
            return Read(row, "", f"bad_field: `{name}` must be a string")
        values[name] = normalise(value, manifest.max_chars)
    return Read(row, manifest.template.format_map(values), "")


def labelled(fields: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with our fields; where it has one of that name, ours is called ``predicted_…``."""
    return {
        **fields,
        **{f"predicted_{key}" if key in fields else key: value for key, value in ours.items()},
    }
