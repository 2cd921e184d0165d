"""
The whole chain, in order: graph, parity, quantisation, fp16, golden texts, card, manifest, clean process.

Rules: everything is written aside and renamed when it is whole and checked; whatever fails leaves an
earlier bundle of that name as it was.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
import numpy as np
from rich.console import Console

from export.answers import Floats, agreement, run_all, session, softmax
from export.card import write_card
from export.clean import check_in_clean_process
from export.errors import ParityError
from export.graph import to_onnx
from export.half import to_fp16
from export.parity import LEAST, check_parity
from export.quantise import quantise
from groundswell.errors import InputError
from groundswell.models.bundle import MANIFEST, Golden, Graph, Head, Manifest, describe, sha256_of
from groundswell.tasks import content_hash
from training import checkpoint as store
from training.checkpoint import Checkpoint
from training.encode import load_tokenizer, tokenise
from training.model import EXPLAINED, OpinionModel

Precision: TypeAlias = Literal["fp32", "fp16", "int8", "int8-reduced"]

GOLDEN: Final = 64


@dataclass(slots=True)
class Work:
    """What the steps share: the model, its texts as ids, what fp32 says of them, and what was measured."""

    model: OpinionModel
    checkpoint: Checkpoint
    texts: list[str]
    ids: list[list[int]]
    fp32: Path
    reference: Mapping[str, Floats] = field(default_factory=dict)
    answers: dict[str, Mapping[str, Floats]] = field(default_factory=dict)
    parity: dict[str, float] = field(default_factory=dict)
    measured: dict[str, dict[str, float]] = field(default_factory=dict)


def make_bundle(
    checkpoint: Path,
    out: Path,
    *,
    name: str,
    precisions: Sequence[Precision],
    created_at: str,
    console: Console,
) -> Manifest:
    """
    Make the bundle ``out`` of a checkpoint; returns its manifest.

    ``created_at`` is RFC 3339. Raises ``InputError`` for a checkpoint that cannot be read, ``ParityError``
    or ``QuantisationError`` when a graph does not say what the model says, ``BundleError`` when a clean
    process cannot use the result.
    """
    if out.exists() and not (out / MANIFEST).is_file() and any(out.iterdir()):
        raise InputError(f"{out}: exists and is no bundle; choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    aside.chmod(0o755)
    try:
        manifest = _fill(checkpoint, aside, name, precisions, created_at, console)
        check_in_clean_process(aside)
        _swap(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def _fill(
    source: Path,
    aside: Path,
    name: str,
    precisions: Sequence[Precision],
    created_at: str,
    console: Console,
) -> Manifest:
    checkpoint = store.read_checkpoint(source)
    model = store.load_model(source, checkpoint, attention="eager")
    tokenizer = load_tokenizer(source / store.TOKENIZER, checkpoint.max_tokens)
    tokenizer.save(str(aside / store.TOKENIZER), pretty=False)
    texts = enough(store.read_samples(source), LEAST)
    with tempfile.TemporaryDirectory(prefix="groundswell-export-") as scratch:
        work = Work(
            model, checkpoint, texts, tokenise(tokenizer, texts), Path(scratch) / "model.fp32.onnx"
        )
        to_onnx(model, work.fp32)
        work.parity = check_parity(model, work.fp32, work.ids, checkpoint.max_tokens)
        console.print(f"fp32: differs from torch by at most {max(work.parity.values()):.1e}")
        work.reference = run_all(session(work.fp32), work.ids)
        graphs = tuple(_graph(work, precision, aside, console) for precision in precisions)
    _write_golden(work, aside / "golden.jsonl")
    # The card says what the manifest says, so it is written from a draft of it, and then named in it.
    draft = _manifest(work, source, aside, name, created_at, graphs)
    write_card(aside / "card.md", draft, checkpoint)
    manifest = msgspec.structs.replace(draft, card=describe(aside, aside / "card.md"))
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (aside / MANIFEST).write_bytes(encoded + b"\n")
    return manifest


def _graph(work: Work, precision: Precision, aside: Path, console: Console) -> Graph:
    """Write one graph and compare it with fp32."""
    path = aside / f"model.{precision}.onnx"
    heads = list(work.model.heads)
    verified, note = True, ""
    match precision:
        case "fp32":
            shutil.copyfile(work.fp32, path)
        case "fp16":
            fused = to_fp16(work.fp32, path, work.model)
            verified = False
            note = f"not run: no GPU here; {fused.get('Attention', 0)} attention layers fused"
        case "int8" | "int8-reduced":
            made = quantise(
                work.fp32,
                path,
                reduced=precision == "int8-reduced",
                ids=work.ids,
                reference=work.reference,
                heads=heads,
                gated=[EXPLAINED] if EXPLAINED in heads else heads,
            )
            note = f"{made.excluded} left in fp32"
    if precision != "fp32":
        answers = run_all(session(path), work.ids)
        work.answers[precision] = answers
        for head in heads:
            work.measured[f"{precision} {head}"] = agreement(answers, work.reference, head)
        cosine = (answers["embedding"] * work.reference["embedding"]).sum(axis=1)
        if precision == "fp16" and not np.isfinite(cosine).all():
            raise ParityError("fp16 answers NaN or infinity, even on the CPU", float("inf"))
        work.measured[f"{precision} embedding"] = {
            "mean_cosine": float(cosine.mean()),
            "min_cosine": float(cosine.min()),
        }
        first = work.measured[f"{precision} {heads[0]}"]
        console.print(f"{precision}: {heads[0]} agrees with fp32 on {first['agreement']:.2%}")
    return Graph(file=describe(aside, path), precision=precision, verified=verified, note=note)


def _manifest(
    work: Work, source: Path, aside: Path, name: str, created_at: str, graphs: tuple[Graph, ...]
) -> Manifest:
    checkpoint = work.checkpoint
    golden = describe(aside, aside / "golden.jsonl")
    digest = sha256_of(source / store.WEIGHTS)[:12]
    return Manifest(
        name=name,
        version=f"{created_at[:10].replace('-', '')}-{digest}",
        created_at=created_at,
        text_version=checkpoint.text_version,
        max_tokens=checkpoint.max_tokens,
        max_chars=checkpoint.max_chars,
        languages=checkpoint.languages,
        heads=tuple(
            Head(name=f.name, labels=f.label_names, function=content_hash(f))
            for f in checkpoint.functions
        ),
        graphs=graphs,
        tokenizer=describe(aside, aside / store.TOKENIZER),
        golden=golden,
        card=golden,
        encoder=checkpoint.encoder,
        data=checkpoint.data,
        metrics=checkpoint.metrics,
        parity={"texts": float(len(work.ids)), **work.parity},
        quantisation={key: _rounded(value) for key, value in work.measured.items()},
    )


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}


def _write_golden(work: Work, path: Path) -> None:
    """
    Write the golden texts with what fp32 says of them.

    They ask whether a machine computes as this one does, not how good int8 is: so a text on which a graph
    of this bundle gives another label than fp32 is passed over.
    """
    heads = list(work.model.heads)
    steady = np.ones(len(work.texts), dtype=bool)
    for answers in work.answers.values():
        for head in heads:
            steady &= answers[head].argmax(axis=1) == work.reference[head].argmax(axis=1)
    places = np.flatnonzero(steady)
    # Spread over the samples, so that texts of every length and label are among them.
    chosen = places[
        np.unique(np.linspace(0, len(places) - 1, min(GOLDEN, len(places))).astype(int))
    ]
    probabilities = {head: softmax(work.reference[head].astype(np.float64)) for head in heads}
    rows = [
        Golden(
            text=work.texts[place],
            probabilities={
                head: tuple(round(float(p), 6) for p in probabilities[head][place])
                for head in heads
            },
            labels={
                function.name: function.label_names[probabilities[function.name][place].argmax()]
                for function in work.checkpoint.functions
            },
        )
        for place in chosen
    ]
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def enough(texts: Sequence[str], least: int) -> list[str]:
    """
    Return at least ``least`` different texts: the samples, then beginnings and pairs of them.

    Raises ``InputError`` when the samples hold too few words for that.
    """
    found = dict.fromkeys(texts)
    for text in texts:
        words = text.split()
        for stop in range(len(words) - 1, 1, -1):
            if len(found) >= least:
                return list(found)
            found[" ".join(words[:stop])] = None
    for first in texts:
        for second in texts:
            if len(found) >= least:
                return list(found)
            found[f"{first} {second}"] = None
    if len(found) < least:
        raise InputError(f"the checkpoint's samples give {len(found)} texts; {least} are compared")
    return list(found)


def _swap(aside: Path, out: Path) -> None:
    """Put the finished directory in the place of ``out``."""
    old = out.with_name(f".{out.name}.old.{os.getpid()}")
    if out.exists():
        out.rename(old)
    aside.rename(out)
    shutil.rmtree(old, ignore_errors=True)
