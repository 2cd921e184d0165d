"""The rules of the house that no linter knows."""

import importlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("groundswell", "consumers", "export", "training")
SOURCES = sorted(p for folder in (*PACKAGES, "tests") for p in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("name", PACKAGES)
def test_the_packages_are_ours(name):
    assert Path(importlib.import_module(name).__path__[0]) == ROOT / name


def test_no_source_file_is_longer_than_300_lines():
    lines = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in SOURCES}

    assert {name: n for name, n in lines.items() if n > 300} == {}


def test_no_source_file_is_unfinished():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError|breakpoint\(")
    found = [p.name for p in SOURCES if p != Path(__file__) and marks.search(p.read_text("utf-8"))]

    assert found == []


def test_the_makefile_explains_each_target():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    shown = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True).stdout

    assert set(phony[1].split()) == set(re.findall(r"^  make ([\w-]+) ", shown, re.MULTILINE))


def test_constraints_name_versions_only():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]

    assert [p for p in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9A-Za-z.!]+", p)] == []


def test_constraints_pin_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["embedded"],
        *project["project"]["optional-dependencies"]["postgres"],
        *project["project"]["optional-dependencies"]["hub"],
        *project["project"]["optional-dependencies"]["mcp"],
        *project["project"]["optional-dependencies"]["train"],
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[\[<>=!~ ]", w, maxsplit=1)[0].lower().replace("_", "-") for w in wanted}
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    }

    assert names - pinned == set()


def test_links_in_the_documents_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_every_test_that_the_architecture_names_exists():
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    sources = [p for p in SOURCES if "tests" in p.parts]
    there = {p.stem for p in sources} | {
        name for p in sources for name in re.findall(r"def (test_\w+)\(", p.read_text("utf-8"))
    }

    assert len(named) > 20
    assert named - there == set()
