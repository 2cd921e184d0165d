import json
import re
from pathlib import Path

import jsonschema
import msgspec
import pytest

from groundswell import events
from groundswell.cli import app
from groundswell.settings import Settings
from tests.documents import MESSAGES, documents

DOCS = Path(__file__).parents[2] / "docs"
GOLDEN = Path(__file__).parents[1] / "data" / "schemas"


@pytest.mark.parametrize(("path", "text"), documents().items(), ids=list(documents()))
def test_generated_documents_are_current(path, text):
    assert (DOCS / path).read_text(encoding="utf-8") == text, "run `make docs`"


@pytest.mark.parametrize(
    "file", sorted(GOLDEN.glob("*/*.json")), ids=lambda f: f"{f.parent.name}/{f.stem}"
)
def test_golden_messages_of_every_version_are_still_read(file):
    value = file.read_bytes()
    version = int(file.parent.name.removeprefix("v"))

    if file.stem == "news":
        again = events.encode_item(msgspec.json.decode(value, type=events.NewsItem))
    else:
        record = events.decode_log(value)
        again = events.encode_log(record)
        assert record.schema == version

    if version == events.SCHEMA:
        assert json.loads(again) == json.loads(value)
        schema = json.loads((DOCS / "schemas" / f"{file.stem}.json").read_text())
        jsonschema.validate(json.loads(value), schema)


def test_every_message_has_a_golden_file():
    assert {f.stem for f in (GOLDEN / f"v{events.SCHEMA}").glob("*.json")} == set(MESSAGES)


def test_every_setting_has_a_sentence():
    assert [n for n, f in Settings.model_fields.items() if not f.description] == []


def test_every_metric_that_a_page_names_exists():
    known = set(re.findall(r"`(groundswell_\w+)`", documents()["metrics.md"]))
    pages = [*DOCS.rglob("*.md"), DOCS.parent / "README.md", DOCS.parent / "ARCHITECTURE.md"]
    named = {m for p in pages for m in re.findall(r"\bgroundswell_[a-z]\w+", p.read_text("utf-8"))}

    assert named - known == set()


def test_every_command_is_described():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    commands = {c.callback.__name__ for c in app.registered_commands if c.callback}

    assert {c for c in commands if f"groundswell {c}" not in readme} == set()
