import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundswell import __version__, cli
from groundswell.errors import Bug, CannotContinue, CannotStart, Transient

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments, **environment):
        monkeypatch.setattr(sys, "argv", ["groundswell", *map(str, arguments)])
        for key in [k for k in os.environ if k.startswith("GROUNDSWELL_")]:
            monkeypatch.delenv(key)
        for key, value in environment.items():
            monkeypatch.setenv(f"GROUNDSWELL_{key.upper()}", str(value))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def test_every_program_is_listed(run):
    code, out, _ = run("--help")

    assert code == 0
    for name in (
        "up",
        "topics",
        "consume",
        "count",
        "classify",
        "replay",
        "recount",
        "top",
        "doctor",
    ):
        assert f" {name} " in out
    assert " train " in out
    assert " tune " in out
    assert " export " in out


def test_the_version_is_told(run):
    assert run("--version")[:2] == (0, f"groundswell {__version__}\n")


@pytest.mark.parametrize("arguments", [("nonsense",), ("top", "--interval", "soon"), ("replay",)])
def test_wrong_usage_is_explained_with_code_2(run, arguments):
    code, _, err = run(*arguments)

    assert code == 2
    assert "Usage" in err
    assert "Traceback" not in err


def test_bad_settings_are_named(run, tmp_path):
    file = tmp_path / "my.toml"
    file.write_text("thread = 2\n")

    code, _, err = run("consume", "--config", file, batch_items="none")

    assert code == 2
    assert "thread" in err
    assert "GROUNDSWELL_BATCH_ITEMS" in err


@pytest.mark.parametrize("content", [None, "= broken", b"\xff"])
def test_a_settings_file_that_cannot_be_read_is_named(run, tmp_path, content):
    file = tmp_path / "my.toml"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.write_text(content)

    code, _, err = run("count", "-c", file)

    assert code == 2
    assert "my.toml" in err


def test_a_program_without_its_model_refuses_to_start(run, tmp_path):
    code, _, err = run("classify", "-", "--bundle", tmp_path / "none")

    assert code == 2
    assert "no model bundle" in err


@pytest.mark.parametrize(
    ("error", "code"),
    [(CannotStart("x"), 2), (CannotContinue("x"), 3), (Transient("x"), 4), (Bug("x"), 1)],
)
def test_each_kind_of_error_has_its_code(error, code, capsys):
    def fail():
        raise error

    assert cli._guarded(fail) == code
    assert capsys.readouterr().err == "groundswell: x\n"


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141)])
def test_being_interrupted_is_no_error(error, code):
    def fail():
        raise error

    assert cli._guarded(fail) == code


def test_what_was_not_foreseen_is_not_hidden():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli._guarded(fail)


def test_listing_the_commands_imports_no_program():
    heavy = "torch transformers onnx optimum onnxruntime aiokafka redis"
    code = (
        "import sys; sys.argv = ['groundswell', '--help']\nfrom groundswell.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"
