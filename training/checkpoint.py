"""
The checkpoint: the directory that a run leaves behind.

``model.safetensors``, ``checkpoint.json``, ``tokenizer.json``, ``samples.jsonl`` and the report. Nothing
in it is ever unpickled.

Rule: it is written aside and renamed, so that a directory with this name is whole.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from groundswell.errors import CannotContinue, InputError
from groundswell.models.bundle import EncoderSource
from groundswell.shape import SHAPES
from groundswell.tasks import Function
from groundswell.text import TEXT_VERSION
from training.model import OpinionModel, build

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "checkpoint.json"
TOKENIZER: Final = "tokenizer.json"
SAMPLES: Final = "samples.jsonl"
SCHEMA: Final = 1


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What ``checkpoint.json`` holds: all that an exporter needs to know but the weights."""

    schema: int = SCHEMA
    text_version: int = TEXT_VERSION
    functions: tuple[Function, ...]
    """In the order of the heads."""
    max_tokens: int
    max_chars: int
    truncation: Literal["head", "head_tail"] = "head"
    token_types: Literal["zeros", "shape"] = "zeros"
    template: str = "{text}"
    languages: tuple[str, ...]
    encoder: EncoderSource
    encoder_config: dict[str, Any]
    strategy: str = "full"
    data: dict[str, str]
    """Name of each training file, with its SHA-256."""
    licences: dict[str, str] = {}
    """Name of each training set, with its licence."""
    temperatures: dict[str, float] = {}
    """By which a head's logits are divided; 1 where it is not named."""
    metrics: dict[str, dict[str, float]]
    command: str
    """The command that made it."""


def write_checkpoint(
    directory: Path,
    checkpoint: Checkpoint,
    model: OpinionModel,
    tokenizer: Path,
    samples: list[str],
    report: Callable[[Path], None],
) -> None:
    """
    Write everything aside, then put it in place of an earlier checkpoint of that name.

    ``samples`` are texts like those to come, on which an exporter compares; ``report`` writes its files
    into the directory that it is given. Raises ``InputError`` when ``directory`` holds something else.
    """
    if directory.exists() and not (directory / CONFIG).is_file() and any(directory.iterdir()):
        raise InputError(f"{directory}: exists and is no checkpoint; choose another --out")
    aside = directory.with_name(f".{directory.name}.{os.getpid()}")
    try:
        aside.mkdir(parents=True)
        weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
        save_file(weights, aside / WEIGHTS)
        (aside / CONFIG).write_bytes(msgspec.json.format(msgspec.json.encode(checkpoint), indent=1))
        shutil.copyfile(tokenizer, aside / TOKENIZER)
        rows = b"\n".join(msgspec.json.encode({"text": text}) for text in samples)
        (aside / SAMPLES).write_bytes(rows + b"\n" * bool(rows))
        report(aside)
        shutil.rmtree(directory, ignore_errors=True)
        aside.rename(directory)
    except (OSError, SafetensorError) as error:
        raise CannotContinue(
            f"{directory}: the checkpoint cannot be written ({error}); make room on the disk and give the "
            "same command again: it goes on from the last save of its progress"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read_checkpoint(directory: Path) -> Checkpoint:
    """Read ``checkpoint.json``; raises ``InputError``."""
    path = directory / CONFIG
    try:
        checkpoint = msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except OSError as error:
        raise InputError(
            f"{directory}: no checkpoint ({path.name}: {error.strerror}); make one with `groundswell train`"
        ) from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: {error}") from error
    if checkpoint.schema != SCHEMA or checkpoint.text_version != TEXT_VERSION:
        raise InputError(
            f"{path}: schema {checkpoint.schema} and text version {checkpoint.text_version}; "
            f"this release reads {SCHEMA} and {TEXT_VERSION}; train again"
        )
    return checkpoint


def load_model(directory: Path, checkpoint: Checkpoint, *, attention: str) -> OpinionModel:
    """Build the model and load its weights, ready to infer; raises ``InputError``."""
    model = build(
        checkpoint.encoder_config,
        {function.name: len(function.outputs) for function in checkpoint.functions},
        token_heads=[f.name for f in checkpoint.functions if f.output == "tokens"],
        token_types=SHAPES if checkpoint.token_types == "shape" else 0,
        attention=attention,
    )
    path = directory / WEIGHTS
    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{path}: not the weights of this checkpoint ({error})") from error
    model.eval()
    return model


def read_samples(directory: Path) -> list[str]:
    """Return the sample texts; raises ``InputError``."""
    path = directory / SAMPLES
    try:
        return [msgspec.json.decode(row)["text"] for row in path.read_bytes().splitlines()]
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
