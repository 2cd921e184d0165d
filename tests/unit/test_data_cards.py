"""A card is found beside the file or given; a hub that is away says so at once."""

import json
import re
import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import jsonschema
import msgspec
import pytest

from groundswell.errors import InputError
from tests.unit.data_world import write_rows
from training.data import Card, read_card, read_sets
from training.data.cards import ALLOWED, NOT_STATED
from training.data.hub import load

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "schemas" / "card.json").read_text("utf-8"))
ROWS = [{"text": "x"}]
CARD = "name: {}\nlicence: MIT\n"


def test_the_card_beside_the_file_comes_before_that_of_the_folder(tmp_path):
    own, shared = (write_rows(tmp_path / f"{name}.jsonl", ROWS) for name in ("own", "shared"))
    (tmp_path / "own.jsonl.card.yaml").write_text(CARD.format("mine"), encoding="utf-8")
    (tmp_path / "card.yaml").write_text(CARD.format("ours"), encoding="utf-8")

    assert [item.card.name for item in read_sets([own, shared])] == ["mine", "ours"]
    given = Card(name="given", for_="own.jsonl")
    assert [item.card.name for item in read_sets([own, shared], [given])] == ["given", "ours"]


def test_without_a_card_the_licence_is_not_stated(tmp_path):
    (item,) = read_sets([write_rows(tmp_path / "a.jsonl", ROWS)])

    assert (item.card.name, item.card.licence) == ("a", NOT_STATED)


def test_a_given_card_must_be_for_one_of_the_files(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", ROWS)

    with pytest.raises(InputError, match="--card: b is none of the data files"):
        read_sets([path], [Card(name="b")])


@pytest.mark.parametrize(
    ("text", "message"),
    [("licence: MIT", "`name`"), ("name: a\nlicense: MIT", "`license`"), ("name: [", "")],
)
def test_a_bad_card_is_named(tmp_path, text, message):
    path = tmp_path / "card.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=rf"card\.yaml: .*{message}"):
        read_card(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_card(tmp_path / "none.yaml")


def test_cards_fit_their_schema(tmp_path):
    path = tmp_path / "card.yaml"
    path.write_text(CARD.format("a") + "for: b.jsonl\nfields: {text: t, date: null}\n", "utf-8")
    card = read_card(path)

    jsonschema.validate(json.loads(msgspec.json.encode(card)), SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "a", "license": "MIT"}, SCHEMA)


class Found(list[dict[str, object]]):
    """Stands in for a loaded split."""

    features = {"text": SimpleNamespace(), "label": SimpleNamespace(names=["bad", "good"])}  # noqa: RUF012
    info = SimpleNamespace(license="apache-2.0")


def test_a_set_of_a_hub_has_its_labels_by_name():
    asked = []

    def loader(name, split):
        asked.append((name, split))
        return Found([{"text": "x", "label": 1}, {"text": "y", "label": -1}])

    found = load("o/n", "train", environment={"HF_DATASETS_OFFLINE": "1"}, loader=loader)

    assert asked == [("o/n", "train")]
    assert found.rows == ({"text": "x", "label": "good"}, {"text": "y", "label": None})
    assert found.licence == "apache-2.0"


def test_a_hub_that_is_away_is_told_from_a_set_that_is():
    def loader(name, split):
        raise ConnectionError("no\nnetwork")

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(
            InputError, match=r"hf://o/n: no network to http://127.* HF_DATASETS_OFF"
        ):
            load("o/n", "train", environment={"HF_ENDPOINT": endpoint}, loader=loader)
    with pytest.raises(
        InputError, match=r"hf://o/n:dev: cannot be loaded \(no\); download it once"
    ):
        load("o/n", "dev", environment={"HF_HUB_OFFLINE": "1"}, loader=loader)
    with pytest.raises(InputError, match="HF_ENDPOINT: file:///etc must begin with https://"):
        load("o/n", "dev", environment={"HF_ENDPOINT": "file:///etc"}, loader=loader)


def test_a_name_without_an_owner_is_refused_and_the_package_asked_for(monkeypatch):
    with pytest.raises(InputError, match="write hf://OWNER/NAME"):
        read_sets(["hf://name"])
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        InputError,
        match=r"hf://o/n: needs the package `datasets`: pip install 'groundswell\[hub\]'",
    ):
        read_sets(["hf://o/n:test"])


def test_a_package_that_does_not_fit_what_is_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", ModuleType("datasets"))
    with pytest.raises(InputError, match="hf://o/n: the package `datasets` does not fit"):
        read_sets(["hf://o/n:test"])


def test_the_page_of_data_is_true(tmp_path):
    page = (DOCS / "data.md").read_text("utf-8")
    (sample,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "card.yaml").write_text(sample, encoding="utf-8")

    card = read_card(tmp_path / "card.yaml")

    assert card.target == "headlines.jsonl"
    assert ", ".join(ALLOWED[:-1]) in page


def test_the_seed_corpus_has_a_card():
    files = (DOCS.parent / "training" / "corpus").glob("*.jsonl")

    assert {item.card.licence for item in read_sets(files)} == {"Apache-2.0"}
