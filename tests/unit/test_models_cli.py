"""`groundswell models …` at work over a directory, as a person at a terminal uses it."""

import json
import os
import stat
import sys

import pytest

from groundswell import cli
from groundswell.models.bundle import Verdict
from tests.registry_world import bundle

GATES = (
    Verdict(name="parity", passed=True, figure=2e-6, threshold=1e-4, reason="[red]alike[/red]"),
    Verdict(name="champion", passed=False, figure=-0.05, threshold=-0.01, reason="it is worse"),
    Verdict(name="churn", passed=None, reason="there is no champion"),
)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def call(*arguments, key=None, topic=""):
        monkeypatch.setattr(sys, "argv", ["groundswell", "models", *map(str, arguments)])
        for name in [name for name in os.environ if name.startswith("GROUNDSWELL_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("GROUNDSWELL_REGISTRY_URL", str(tmp_path / "registry"))
        monkeypatch.setenv("GROUNDSWELL_MODELS_TOPIC", topic)
        monkeypatch.setenv("GROUNDSWELL_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
        if key:
            monkeypatch.setenv("GROUNDSWELL_REGISTRY_PUBLIC_KEY", str(key))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def test_from_a_key_to_a_rollback(run, tmp_path):
    keys = tmp_path / "keys"
    code, out, err = run("keygen", "--out", keys)
    assert (code, err) == (0, "")
    assert stat.S_IMODE((keys / "signing.key").stat().st_mode) == 0o600
    assert "PRIVATE" not in out

    for number in (1, 2):
        made = bundle(tmp_path, str(number))
        assert run("publish", made, "--key", keys / "signing.key", "--challenger")[0] == 0
        code, out, err = run("promote", f"tiny@{number}", key=keys / "signing.pub")
        assert (code, err) == (0, ""), err
    assert "tiny@2: champion, in place of tiny@1" in out

    code, out, _ = run("list", "--json")
    rows = {row["version"]["id"]: row for row in json.loads(out)}
    assert rows["tiny@2"]["aliases"] == ["champion"]
    assert rows["tiny@1"]["aliases"] == ["previous"]
    assert len(rows["tiny@1"]["signed_by"]) == 16

    code, out, _ = run("rollback", "--reason", "it calls everything negative")
    assert (code, out) == (0, "tiny@1: champion again, in place of tiny@2\n")
    assert "it calls everything negative" in run("show", "champion")[1]
    code, out, _ = run("verify", "--golden", key=keys / "signing.pub")
    assert (code, sorted(out.splitlines())) == (0, ["tiny@1: right", "tiny@2: right"])


def test_a_version_without_a_blessing_needs_force_and_a_reason(run, tmp_path):
    run("publish", bundle(tmp_path, blessed=False, gates=GATES))

    code, _, err = run("promote", "tiny@1")
    assert code == 2
    assert "no gate has blessed it" in err
    assert run("promote", "tiny@1", "--force")[0] == 2
    assert run("promote", "tiny@1", "--force", "--reason", "the gold set is old")[0] == 0

    code, out, _ = run("show", "champion")
    assert "by force: the gold set is old" in out
    assert "[red]alike[/red]" in out
    assert [word for word in ("passed", "refused", "not asked") if word in out] == [
        "passed",
        "refused",
        "not asked",
    ]


def test_somebody_else_was_quicker(run, tmp_path):
    for number in (1, 2, 3):
        run("publish", bundle(tmp_path, str(number)))
    run("promote", "tiny@1")
    run("promote", "tiny@2")

    code, _, err = run("promote", "tiny@3", "--expected", "tiny@1")

    assert code == 3
    assert "names tiny@2, not tiny@1" in err


def test_what_differs_is_said(run, tmp_path):
    run("publish", bundle(tmp_path, "1"))
    run("publish", bundle(tmp_path, "2", languages=("en", "zh"), blessed=False))

    code, out, _ = run("diff", "tiny@1", "tiny@2")

    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["languages", "en", "en,", "zh"] in lines
    assert ["blessed", "yes", "no"] in lines
    assert not [line for line in lines if line[0] == "max_tokens"]


def test_what_is_broken_is_named_and_the_rest_is_right(run, tmp_path):
    for number in (1, 2):
        run("publish", bundle(tmp_path, str(number)))
    [graph] = (tmp_path / "registry" / "bundles" / "tiny" / "1").rglob("model.onnx")
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")

    code, out, _ = run("verify")

    assert code == 1
    assert "tiny@2: right" in out
    assert "tiny@1: " in out
    assert "SHA-256" in out
    assert run("verify", "tiny@2")[:2] == (0, "tiny@2: right\n")


def test_a_directory_is_verified_as_well(run, tmp_path):
    made = bundle(tmp_path)
    run("keygen", "--out", tmp_path)
    public = tmp_path / "signing.pub"
    assert run("verify", made, "--golden")[0] == 0
    code, out, _ = run("verify", made, key=public)
    assert code == 1
    assert "is not signed" in out

    assert run("sign", made, "--key", tmp_path / "signing.key")[0] == 0
    assert run("verify", made, key=public)[0] == 0


def test_old_versions_are_removed(run, tmp_path):
    for number in range(4):
        run("publish", bundle(tmp_path, str(number)))
    run("promote", "tiny@0")

    assert run("gc", "--keep", "1", "--dry-run")[1].count("would go") == 2
    assert run("gc", "--keep", "1")[1].count("removed") == 2
    assert run("gc", "--keep", "1")[1] == "nothing to remove\n"
    assert {row["version"]["id"] for row in json.loads(run("list", "--json")[1])} == {
        "tiny@0",
        "tiny@3",
    }


def test_an_address_that_leads_nowhere_is_said(run):
    code, _, err = run("list", "--registry", "nosuch://x")
    assert code == 2
    assert "registry_url: nosuch://" in err


def test_an_empty_registry_says_so(run):
    assert run("list")[1] == "The registry holds no versions.\n"
    code, _, err = run("rollback")
    assert (code, "no version to go back to" in err) == (2, True)


def test_a_move_stands_although_nobody_could_be_told(run, tmp_path):
    run("publish", bundle(tmp_path))

    code, out, err = run("promote", "tiny@1", topic="models")  # no broker listens here

    assert (code, out) == (0, "tiny@1: champion, in place of nothing\n")
    assert "not announced (" in err
    assert "whoever asks will see it" in err
