"""
The bundle: a directory that holds everything a consumer needs to label a text.

Rules: label order, tokenizer, limits, temperatures and thresholds are read from ``manifest.json`` and
from nowhere else; every other file is named there with its SHA-256; no path leaves the directory; no
file is ever unpickled.
"""

import hashlib
from pathlib import Path
from string import Formatter
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from groundswell.errors import BundleError
from groundswell.text import TEXT_VERSION

MANIFEST: Final = "manifest.json"
MANIFEST_SCHEMA: Final = 1
PLAIN: Final = "{text}"
"""The template of a model that reads the text of an item and nothing else."""

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the bundle: its path inside, size in bytes and hash."""

    path: str
    bytes: int
    sha256: Sha256


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """
    One ONNX file.

    ``precision`` is fp32, fp16, int8 (right on CPUs with VNNI and on arm64) or int8-reduced (weights
    of 7 bits: right on every CPU). ``verified`` says whether it was run and compared when the bundle
    was made, ``note`` why not. ``temperatures`` holds by name those of heads that another temperature
    than the head's own calibrates better in this graph, as smaller weights may make it more or less sure.
    """

    file: File
    precision: Literal["fp32", "fp16", "int8", "int8-reduced"]
    verified: bool
    note: str = ""
    temperatures: dict[str, Annotated[float, Meta(gt=0.0)]] = {}

    def temperature(self, head: "Head") -> float:
        """Return by what the logits of a head are divided."""
        return self.temperatures.get(head.name, head.temperature)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """
    One output of the graph: logits of shape [batch, len(labels)], or [batch, tokens, len(labels)].

    Of a ``single`` or ``ordered`` head the best label is taken, and every other one whose probability
    reaches ``threshold``; probabilities are softmax(logits / temperature). Of a ``several`` head each
    label whose probability, sigmoid(logits / temperature), reaches ``threshold``. ``tokens`` heads give
    a BIO tag (softmax) for the first token of each word.
    """

    name: str
    kind: Literal["single", "several", "ordered", "tokens"] = "single"
    labels: Annotated[tuple[str, ...], Meta(min_length=2)]
    temperature: Annotated[float, Meta(gt=0.0)] = 1.0
    threshold: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.35
    function: str = ""
    """Content hash of the function file that declared the labels."""


class EncoderSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the encoder's weights came from."""

    name: str
    sha256: Sha256
    licence: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a gate of ``export`` said: its figure, the threshold that it was held against, and why.

    ``passed`` is None where the gate does not apply, or could not be asked; ``reason`` says so. ``figures``
    holds what else was measured. Thresholds are bounds of what passes: at least or at most, as the
    reason says.
    """

    name: str
    passed: bool | None
    reason: str
    figure: float | None = None
    threshold: float | None = None
    figures: dict[str, float] = {}


class Blessing(msgspec.Struct, frozen=True, kw_only=True):
    """
    That no gate refused the bundle: when, by what, and what was not checked.

    ``champion`` is the bundle that it was compared with and ``gold`` the SHA-256 of the rows, each "" where
    there was none; ``look`` counts the comparisons on those rows, of which each spends a part of the budget.
    """

    at: str
    by: str
    unchecked: tuple[str, ...] = ()
    champion: str = ""
    gold: str = ""
    look: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """
    The manifest.

    ``max_tokens`` counts special tokens; ``max_chars`` is cut before tokenising. ``languages`` are the
    primary tags that the model was trained on. ``token_types``: zeros, or the word's shape
    (``groundswell.shape``). ``metrics``, ``parity`` and ``quantisation`` hold what
    was measured when the bundle was made.
    """

    schema: int = MANIFEST_SCHEMA
    name: str
    version: str
    created_at: str
    text_version: int
    max_tokens: Annotated[int, Meta(ge=8, le=8192)]
    max_chars: Annotated[int, Meta(ge=64)]
    truncation: Literal["head", "head_tail"] = "head"
    """What is kept of a text that has more tokens: see ``groundswell.models.tokens``."""
    token_types: Literal["zeros", "shape"] = "zeros"  # noqa: S105 - tokens of text
    template: str = PLAIN
    """How the fields of a row are joined into what the model reads."""
    languages: tuple[str, ...]
    heads: tuple[Head, ...]
    graphs: tuple[Graph, ...]
    tokenizer: File
    golden: File
    card: File
    reference: File | None = None
    """A sample of what the graphs say of held-out texts, to find drift against; it holds no text."""
    encoder: EncoderSource
    data: dict[str, str]
    """Name of each training file, with its SHA-256."""
    metrics: dict[str, dict[str, float]] = {}
    parity: dict[str, float] = {}
    quantisation: dict[str, dict[str, float]] = {}
    gates: tuple[Verdict, ...] = ()
    """What each gate said, in the order in which they were asked; see ``docs/gates.md``."""
    blessing: Blessing | None = None
    """None: a gate refused it, or it never stood before them; then it is promoted only by force."""

    @property
    def id(self) -> str:
        """The name that every opinion carries: name and version."""
        return f"{self.name}@{self.version}"

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a row that the template joins, each once; raises ``BundleError``."""
        try:
            parts = list(Formatter().parse(self.template))
        except ValueError as error:
            raise BundleError(f"bundle {self.id}: template {self.template!r}: {error}") from None
        names = [name for _, name, _, _ in parts if name is not None]
        plain = all(name.isidentifier() for name in names)
        if not names or not plain or any(form or how for _, _, form, how in parts):
            raise BundleError(
                f"bundle {self.id}: template {self.template!r} must hold fields as in {{text}}"
            )
        return tuple(dict.fromkeys(names))

    def head(self, name: str) -> Head:
        """Return the head called ``name``; raises ``BundleError``."""
        for head in self.heads:
            if head.name == name:
                return head
        raise BundleError(f"bundle {self.id}: there is no head {name!r} in {MANIFEST}")


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """
    One golden text: what fp32 said of it, for each head that speaks of the whole text.

    ``probabilities`` stand in label order. ``labels`` names the best label of each such head, so that a
    manifest whose labels were moved is noticed. ``spans`` holds the stretches that each ``tokens`` head
    found: start and end in characters of ``text``, and label (see ``groundswell.models.spans``). Rows are
    JSON lines. A consumer compares its own answers: see ``groundswell.models.golden``.
    """

    text: str
    probabilities: dict[str, tuple[float, ...]]
    labels: dict[str, str] = {}
    spans: dict[str, tuple[tuple[int, int, str], ...]] = {}


def load_manifest(directory: Path) -> Manifest:
    """
    Read the manifest and check every file against it.

    Raises ``BundleError`` that names the file and the fault.
    """
    path = directory / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BundleError(
            f"no model bundle in {directory}: there is no {MANIFEST}; give --bundle, or set `bundle`, to a bundle's directory"
        ) from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise BundleError(f"{path}: {error}") from error
    if manifest.schema > MANIFEST_SCHEMA:
        raise BundleError(f"{path}: schema {manifest.schema} is newer than this release reads")
    if manifest.text_version != TEXT_VERSION:
        raise BundleError(
            f"{path}: trained on text version {manifest.text_version}, this release composes {TEXT_VERSION}"
        )
    _ = manifest.fields  # raises where the template cannot be used
    for file in files_of(manifest):
        check_file(directory, file)
    return manifest


def files_of(manifest: Manifest) -> tuple[File, ...]:
    """Every file that the manifest names."""
    return (
        manifest.tokenizer,
        manifest.golden,
        manifest.card,
        *((manifest.reference,) if manifest.reference else ()),
        *(graph.file for graph in manifest.graphs),
    )


def check_file(directory: Path, file: File) -> Path:
    """Return the path of ``file`` after checking place, size and hash; raises ``BundleError``."""
    root = directory.resolve()
    path = (root / file.path).resolve()
    if not path.is_relative_to(root) or path == root:
        raise BundleError(f"{directory}: {file.path!r} leads out of the bundle")
    try:
        size = path.stat().st_size
        if size != file.bytes:
            raise BundleError(f"{path}: {size} bytes, the manifest says {file.bytes}")
        digest = sha256_of(path)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    if digest != file.sha256:
        raise BundleError(f"{path}: its SHA-256 is not the manifest's; fetch the bundle again")
    return path


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe(directory: Path, path: Path) -> File:
    """Return the manifest's entry for a file that stands in ``directory``."""
    return File(
        path=path.relative_to(directory).as_posix(),
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
    )
