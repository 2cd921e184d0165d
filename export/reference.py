"""The reference sample of a bundle: what each graph says of the checkpoint's samples, without their texts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from export.answers import Answers
from export.answers import Floats as Logits
from export.compare import probabilities
from groundswell.drift.observed import Floats, observe
from groundswell.drift.sample import MOST, Reference, encode
from groundswell.models.bundle import File, Graph, Head, describe
from groundswell.models.reference import REFERENCE, unknown_token
from groundswell.models.session import EMBEDDING
from training.checkpoint import TOKENIZER
from training.data.neighbours import clusters
from training.encode import Tokens
from training.temperature import HeldOut


def write_reference(
    aside: Path,
    heads: Sequence[Head],
    sample: tuple[Sequence[str], Sequence[Tokens]],
    answers: Sequence[tuple[Graph, Answers, Mapping[str, Answers]]],
    held_out: Sequence[HeldOut],
) -> File:
    """
    Write ``reference.npz`` beside the tokenizer in ``aside``; returns its entry of the manifest.

    ``sample`` holds texts and their tokens; ``answers`` what each graph said of them (and perhaps of more
    after them), and by precision what the graphs said of the ``held_out`` rows.
    """
    texts, rows = sample[0][:MOST], sample[1][:MOST]
    whole = [head for head in heads if head.kind != "tokens"]
    unknown = unknown_token(aside / TOKENIZER)
    story = clusters(texts)
    found: dict[str, Reference] = {}
    for graph, said, of_held in answers:
        served = [
            msgspec.structs.replace(head, temperature=graph.temperature(head)) for head in whole
        ]
        units = observe(
            texts,
            [row.ids for row in rows],
            unknown,
            {h.name: probabilities(h, said.texts[h.name][: len(texts)]) for h in served},
            said.texts[EMBEDDING][: len(texts)].astype(np.float64),
            story,
        )
        held = of_held.get(graph.precision)
        confusions = {
            head.name: _confusion(head, held_out, held.texts[head.name])
            for head in whole
            if held is not None and head.kind != "several"
        }
        found[graph.precision] = Reference(units, confusions)
    path = aside / REFERENCE
    path.write_bytes(encode(found))
    return describe(aside, path)


def _confusion(head: Head, rows: Sequence[HeldOut], logits: Logits) -> Floats:
    """Count the held-out rows by the label that was answered and the true one."""
    counts = np.zeros((len(head.labels), len(head.labels)))
    for row, answer in zip(rows, logits, strict=True):
        truth = row.truths.get(head.name)
        if isinstance(truth, int):
            counts[answer.argmax(), truth] += 1
    return counts
