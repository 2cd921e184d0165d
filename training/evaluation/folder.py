"""
The folder of a report.

Rule: everything is written aside and put in place at the end, so that a report is whole; nothing but an
earlier report is ever replaced.
"""

import shutil
from pathlib import Path
from typing import Final

import msgspec

from groundswell.errors import InputError
from groundswell.models.bundle import MANIFEST
from training.evaluation.figures import Evaluation
from training.evaluation.report import as_markdown

REPORT: Final = "report.json"
CHECKPOINT: Final = "checkpoint.json"
"""It holds a ``report.json`` of its own, and is never written over."""


def check_free(directory: Path) -> None:
    """Raise ``InputError`` when ``directory`` holds anything but an earlier report."""
    if not directory.exists():
        return
    if not directory.is_dir() or (not (directory / REPORT).is_file() and any(directory.iterdir())):
        raise InputError(f"{directory}: exists and is no report; choose another --out")
    if (directory / MANIFEST).exists() or (directory / CHECKPOINT).exists():
        raise InputError(f"{directory}: is a model; choose another --out")


def write(found: Evaluation, directory: Path) -> Evaluation:
    """
    Write ``report.md``, ``report.json`` and the pictures into ``directory``, in place of an earlier report.

    Raises ``InputError``.
    """
    from training.evaluation.plots import draw

    check_free(directory)
    aside = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        pictures = {head.name: tuple(draw(head, aside)) for head in found.heads}
        whole = msgspec.structs.replace(found, pictures=pictures)
        encoded = msgspec.json.format(msgspec.json.encode(whole), indent=1)
        (aside / REPORT).write_bytes(encoded)
        (aside / "report.md").write_text(as_markdown(whole), encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        aside.rename(directory)
    except OSError as error:
        raise InputError(f"{directory}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return whole
