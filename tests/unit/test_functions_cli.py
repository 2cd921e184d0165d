import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from groundswell import cli
from groundswell.tasks import Direction, Function, Input, Label, Metric
from training.function_check import check_function
from training.functions import find_function, shipped, source_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["groundswell", "functions", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def test_the_list_names_what_comes_with_the_project(run):
    code, out, _ = run("list")

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["name", *shipped()]


def test_a_function_is_shown_in_short_or_whole(run):
    code, out, _ = run("show", "entities")
    _, whole, _ = run("show", "entities", "--json")

    assert code == 0
    assert "output   tokens" in out
    assert "ORG: Companies, banks" in out
    assert msgspec.json.decode(whole, type=Function) == find_function("entities")


def test_a_good_function_is_right(run):
    code, out, err = run("check", "sentiment")

    assert (code, err) == (0, "")
    assert out.endswith("sentiment.yaml: right, 0 weak spots\n")


def test_a_bad_file_is_told_with_its_lines_and_code_1(run, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(source_of("topic")[1].replace(b"version: 2", b"version: two\ncolour: red"))

    code, out, _ = run("check", file)

    assert code == 1
    assert f"{file}:2: version: Expected `int`" in out
    assert f"{file}:3: colour: unknown key" in out
    assert out.endswith("2 to mend\n")


def test_weak_spots_are_told_and_allowed(run, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: m\nversion: 1\ndescription: x\nfield: m\n"
        "labels: [{name: a, description: x}, {name: b, description: y}]\n",
        encoding="utf-8",
    )

    code, out, _ = run("check", file)

    assert code == 0
    assert f"weak: {file}:5: labels[0].examples: a has no examples in en" in out


def test_the_guide_is_written_where_it_is_wanted(run, tmp_path):
    out_file = tmp_path / "guide.md"

    code, out, _ = run("guide", "topic", "--language", "zh", "--out", out_file)

    assert (code, out) == (0, "")
    assert out_file.read_text("utf-8").startswith("# `topic` 标注说明\n")
    assert run("guide", "topic")[1].startswith("# How to label `topic`\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nothing"), "nothing: neither a file nor one of our functions (entities,"),
        (("check", "none.yaml"), "none.yaml: cannot be read (No such file"),
        (("guide", "topic", "--language", "fr"), "--language fr: must be one of en, zh"),
        (("guide", "topic", "--out", "none/there.md"), "none/there.md: cannot be written"),
        (("check", "."), ".: cannot be read (Is a directory)"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert err.startswith(f"groundswell: {said}")


def test_the_commands_work_without_the_extra_and_name_the_one_thing_that_they_need():
    hide = "import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'sklearn'{}]))\n"
    go = (
        "sys.argv = ['groundswell', 'functions', 'check', 'topic']\n"
        "from groundswell.cli import main; main()"
    )

    light, bare = (
        subprocess.run(
            [sys.executable, "-c", hide.format(more) + go],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        for more in ("", ", 'yaml'")
    )

    assert (light.returncode, light.stderr) == (0, "")
    assert (bare.returncode, bare.stdout) == (2, "")
    assert bare.stderr == "groundswell: yaml is not installed: pip install pyyaml\n"


def test_the_schema_of_the_docs_is_that_of_the_json_shown(run):
    import jsonschema

    schema = json.loads((ROOT / "docs" / "schemas" / "function.json").read_text("utf-8"))

    jsonschema.validate(json.loads(run("show", "sentiment", "--json")[1]), schema)


def test_the_page_of_functions_is_true():
    page = (ROOT / "docs" / "functions.md").read_text("utf-8")
    (sample,) = re.findall(r"```yaml\n(name: .*?labels:.*?)```", page, re.DOTALL)
    rows = [json.loads(line) for line in re.findall(r"^\{.*\}$", page, re.MULTILINE)]

    checked = check_function(sample.encode())

    assert (checked.faults, checked.weak) == ((), ())
    assert all(f"`{name}`" in page for name in shipped())
    assert all(f"groundswell functions {c}" in page for c in ("list", "show", "check", "guide"))
    for row in rows:
        for span in row.get("entities", ()):
            assert row["text"][span["start"] : span["end"]] == span["text"]
    for kind in (Function, Input, Label, Direction):
        assert [n for n in kind.__struct_fields__ if not re.search(rf"\b{n}\b", page)] == []
    assert [m for m in get_args(Metric) if f"`{m}`" not in page] == []
