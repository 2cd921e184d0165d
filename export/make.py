"""
The whole chain, in order: graph, parity, quantisation, fp16, golden texts, manifest, clean process, gates.

Rules: everything is written aside and renamed when it is whole and checked; whatever fails leaves an
earlier bundle of that name as it was.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from onnxruntime import InferenceSession
from rich.console import Console

from export.answers import Answers, run_all, session
from export.clean import check_in_clean_process
from export.compare import drift, finite, measure, rounded
from export.errors import ParityError
from export.finish import judged, written
from export.gates.judge import Plan
from export.goldens import choose, golden
from export.graph import to_onnx
from export.half import to_fp16
from export.parity import LEAST, check_parity
from export.quantise import quantise
from export.reference import write_reference
from groundswell.errors import InputError
from groundswell.models.bundle import MANIFEST, Graph, Head, Manifest, describe, sha256_of
from groundswell.models.signing import read_private, sign_bundle
from groundswell.tasks import content_hash
from training import checkpoint as store
from training.checkpoint import Checkpoint
from training.encode import Tokens, load_tokenizer, tokenise
from training.model import OpinionModel
from training.temperature import HeldOut, read_held_out, temperatures

Precision: TypeAlias = Literal["fp32", "fp16", "int8", "int8-reduced"]

GOLDEN: Final = "golden.jsonl"


@dataclass(slots=True, kw_only=True)
class Work:
    """What the steps share: the model, its texts as tokens, what fp32 says of them, and what was measured."""

    model: OpinionModel
    checkpoint: Checkpoint
    heads: tuple[Head, ...]
    texts: list[str]
    rows: list[Tokens]
    fp32: Path
    reference: Answers
    parity: dict[str, float]
    answers: dict[str, Answers] = field(default_factory=dict)
    held_out: list[HeldOut] = field(default_factory=list)
    held_rows: list[Tokens] = field(default_factory=list)
    """The held-out rows as tokens, to fit the graphs' temperatures on."""
    of_held: dict[str, Answers] = field(default_factory=dict)
    """What each graph that was run says of them."""
    alone: list[Answers] = field(default_factory=list)
    """Of each graph but fp32's, a text at a time: as consumers ask for the golden texts."""
    measured: dict[str, dict[str, float]] = field(default_factory=dict)


def make_bundle(  # noqa: PLR0913 - what is made, and what it is held against
    checkpoint: Path,
    out: Path,
    *,
    name: str,
    precisions: Sequence[Precision],
    created_at: str,
    console: Console,
    gates: Plan | None = None,
    key: Path | None = None,
) -> Manifest:
    """
    Make the bundle ``out`` of a checkpoint; returns its manifest, with a blessing or without.

    ``created_at`` is RFC 3339, ``gates`` what it is held against; with ``key`` it is signed. Raises ``InputError``
    for a bad checkpoint, ``ParityError`` or ``QuantisationError`` when a graph does not say what the model says,
    ``BundleError`` when a clean process cannot use the result.
    """
    if out.exists() and not (out / MANIFEST).is_file() and any(out.iterdir()):
        raise InputError(f"{out}: exists and is no bundle; choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    aside.chmod(0o755)
    try:
        private = read_private(key) if key else None
        manifest, held = _fill(checkpoint, aside, name, precisions, created_at, console)
        cost = check_in_clean_process(aside)
        made_of = store.read_checkpoint(checkpoint)
        plan = replace(gates or Plan(), licences=made_of.licences, held=held)
        manifest = judged(aside, manifest, made_of, plan, cost, console)
        if private is not None:
            sign_bundle(aside, private)
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
) -> tuple[Manifest, frozenset[str]]:
    """Write every file; returns the manifest, and the heads for which small graphs were held to fp32."""
    checkpoint = store.read_checkpoint(source)
    model = store.load_model(source, checkpoint, attention="eager")
    tokenizer = load_tokenizer(
        source / store.TOKENIZER, checkpoint.max_tokens, checkpoint.truncation
    )
    tokenizer.tokenizer.save(str(aside / store.TOKENIZER), pretty=False)
    sampled = dict.fromkeys(store.read_samples(source))
    samples = enough(list(sampled), LEAST)
    texts = [text[: checkpoint.max_chars] for text in samples]
    rows = tokenise(tokenizer, texts, checkpoint.token_types)
    held_out = read_held_out(source)
    held_texts = [row.text[: checkpoint.max_chars] for row in held_out]
    with tempfile.TemporaryDirectory(prefix="groundswell-export-") as scratch:
        fp32 = Path(scratch) / "model.fp32.onnx"
        to_onnx(model, fp32)
        parity = check_parity(model, fp32, rows, checkpoint.max_tokens)
        console.print(f"fp32: differs from torch by at most {max(parity.values()):.1e}")
        work = Work(
            model=model,
            checkpoint=checkpoint,
            heads=heads_of(checkpoint),
            texts=texts,
            rows=rows,
            fp32=fp32,
            reference=run_all(session(fp32), rows),
            parity=parity,
            held_out=held_out,
            held_rows=tokenise(tokenizer, held_texts, checkpoint.token_types),
        )
        graphs = tuple(_graph(work, precision, aside, console) for precision in precisions)
    chosen = golden(
        work.heads,
        texts,
        rows,
        work.reference,
        choose(work.heads, work.reference, [*work.answers.values(), *work.alone]),
    )
    (aside / GOLDEN).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in chosen))
    draft = msgspec.structs.replace(
        _manifest(work, source, aside, name, created_at, graphs),
        reference=write_reference(
            aside,
            work.heads,
            (texts[: len(sampled)], rows[: len(sampled)]),
            [(g, work.answers.get(g.precision, work.reference), work.of_held) for g in graphs],
            held_out,
        ),
    )
    return written(aside, draft, checkpoint), frozenset({model.explained, *model.token_heads})


def heads_of(checkpoint: Checkpoint) -> tuple[Head, ...]:
    """Return the bundle's heads, in the order of the model's."""
    return tuple(
        Head(
            name=function.name,
            kind=function.output,
            labels=function.outputs,
            temperature=checkpoint.temperatures.get(function.name, 1.0),
            function=content_hash(function),
        )
        for function in checkpoint.functions
    )


def _graph(work: Work, precision: Precision, aside: Path, console: Console) -> Graph:
    """Write one graph and compare it with fp32."""
    path = aside / f"model.{precision}.onnx"
    verified, note = True, ""
    own: dict[str, float] = {}
    match precision:
        case "fp32":
            shutil.copyfile(work.fp32, path)
            if work.held_rows:
                work.of_held[precision] = run_all(session(path), work.held_rows)
        case "fp16":
            fused = to_fp16(work.fp32, path, work.model)
            verified = False
            note = f"not run: no GPU here; {fused.get('Attention', 0)} attention layers fused"
        case "int8" | "int8-reduced":
            note = quantise(
                work.fp32,
                path,
                reduced=precision == "int8-reduced",
                rows=work.rows,
                reference=work.reference,
                heads=work.heads,
                gated={work.model.explained, *work.model.token_heads},
            ).note
    if precision != "fp32":
        graph = session(path)
        answers = run_all(graph, work.rows)
        work.alone.append(run_all(graph, work.rows, 1))
        if precision == "fp16" and not finite(answers):
            raise ParityError("fp16 answers NaN or infinity, even on the CPU", float("inf"))
        work.answers[precision] = answers
        measured = {head.name: measure(head, answers, work.reference) for head in work.heads}
        work.measured |= {f"{precision} {head}": figures for head, figures in measured.items()}
        work.measured[f"{precision} embedding"] = drift(answers, work.reference)
        own = _temperatures(work, graph, precision) if verified else {}
        said = ", ".join(f"{head} {m['agreement']:.2%}" for head, m in measured.items())
        console.print(f"{precision}: agrees with fp32 on {said}" + (f"; {note}" if note else ""))
    return Graph(
        file=describe(aside, path),
        precision=precision,
        verified=verified,
        note=note,
        temperatures=own,
    )


def _temperatures(work: Work, graph: InferenceSession, precision: str) -> dict[str, float]:
    """Return the temperatures that calibrate this graph better than the heads' own."""
    if not work.held_rows:
        return {}
    answers = work.of_held[precision] = run_all(graph, work.held_rows)
    whole = [head for head in work.heads if head.kind != "tokens"]
    return temperatures(
        work.held_out,
        {head.name: answers.texts[head.name] for head in whole},
        {head.name: head.temperature for head in whole},
    )


def _manifest(
    work: Work, source: Path, aside: Path, name: str, created_at: str, graphs: tuple[Graph, ...]
) -> Manifest:
    checkpoint = work.checkpoint
    texts = describe(aside, aside / GOLDEN)
    digest = sha256_of(source / store.WEIGHTS)[:12]
    return Manifest(
        name=name,
        version=f"{created_at[:10].replace('-', '')}-{digest}",
        created_at=created_at,
        text_version=checkpoint.text_version,
        max_tokens=checkpoint.max_tokens,
        max_chars=checkpoint.max_chars,
        truncation=checkpoint.truncation,
        token_types=checkpoint.token_types,
        template=checkpoint.template,
        languages=checkpoint.languages,
        heads=work.heads,
        graphs=graphs,
        tokenizer=describe(aside, aside / store.TOKENIZER),
        golden=texts,
        card=texts,
        encoder=checkpoint.encoder,
        data=checkpoint.data,
        metrics=checkpoint.metrics,
        parity={"texts": float(len(work.rows)), **work.parity},
        quantisation={key: rounded(value) for key, value in work.measured.items()},
    )


def enough(texts: Sequence[str], least: int) -> list[str]:
    """
    Return at least ``least`` different texts: the samples, then beginnings, pairs and triples of them.

    Raises ``InputError`` when the samples hold too few words for that.
    """
    found = dict.fromkeys(texts)
    for text in texts:
        words = text.split()
        for stop in range(len(words) - 1, 1, -1):
            if len(found) >= least:
                return list(found)
            found[" ".join(words[:stop])] = None
    for parts in chain(product(texts, repeat=2), product(texts, repeat=3)):
        if len(found) >= least:
            return list(found)
        found[" ".join(parts)] = None
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
