"""`groundswell export` at work: its exit code, what it says, and what it leaves in the registry."""

import os
import sys

import pytest

from groundswell import cli
from groundswell.models.bundle import load_manifest
from groundswell.models.registry import open_registry
from groundswell.models.signing import make_keys
from tests.gates_world import write_rows

pytestmark = pytest.mark.train


@pytest.fixture
def export(monkeypatch, capsys, trained, tmp_path):
    def call(out, *arguments):
        for name in [name for name in os.environ if name.startswith("GROUNDSWELL_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("GROUNDSWELL_REGISTRY_URL", str(tmp_path / "registry"))
        words = ["groundswell", "export", trained[0], "--out", out, "--only", "fp32", *arguments]
        monkeypatch.setattr(sys, "argv", [str(word) for word in words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def test_blessed_signed_and_published_it_is_challenger_then_champion_of_the_next(
    export, tmp_path, rows_of
):
    private, public = make_keys(tmp_path / "keys")
    gold = write_rows(tmp_path / "gold.jsonl", rows_of(300, seed=5))

    code, out, err = export(tmp_path / "one", "--key", private, "--publish")

    assert code == 0, err
    registry = open_registry(str(tmp_path / "registry"), public.read_bytes())
    one = registry.alias("challenger")
    assert one
    assert f"{one}: published as challenger" in out
    registry.promote(one, None)

    code, out, err = export(tmp_path / "two", "--gold", gold, "--name", "next")

    found = {gate.name: gate for gate in load_manifest(tmp_path / "two").gates}
    assert found["champion: sentiment"].passed
    assert found["champion: sentiment"].figures["look"] == 1
    assert "look 1 at this gold set" in found["champion: sentiment"].reason
    assert code == int(any(gate.passed is False for gate in found.values())), err


def test_what_a_gate_refuses_ends_with_1_is_named_and_gets_no_alias(export, tmp_path, rows_of):
    few = write_rows(tmp_path / "few.jsonl", rows_of(20, seed=5))

    code, out, err = export(tmp_path / "out", "--gold", few, "--publish")

    assert code == 1
    assert "not blessed" in out
    assert "published, and named by no alias" in out
    assert "'data: labels'" in err
    assert load_manifest(tmp_path / "out").blessing is None
    assert open_registry(str(tmp_path / "registry"), None).alias("challenger") is None


def test_a_champion_that_is_nowhere_is_said_before_anything_is_made(export, tmp_path):
    code, _, err = export(tmp_path / "out", "--champion", "nobody@1")

    assert code == 2
    assert "the registry has no version nobody@1" in err
    assert not (tmp_path / "out").exists()
