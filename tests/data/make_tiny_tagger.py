"""
Make the second tiny bundle of the tests: the first one's graph, with names and several topics.

Its head `entities` goes by the shape of a word (a title opens an ORG, capitals go on with it) and by one
word (`fed` is a LOC), `topic` gives several labels, and `urgency` is a head that no opinion has.

    python tests/data/make_tiny_tagger.py [DIRECTORY]
"""

import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
from make_tiny_bundle import (  # type: ignore[import-not-found] # beside this script
    COLUMNS,
    TOPICS,
    graph,
    tokenizer,
    words,
)
from onnx import TensorProto, helper, numpy_helper

from groundswell.events import SENTIMENTS
from groundswell.models.bundle import (
    MANIFEST,
    EncoderSource,
    Golden,
    Graph,
    Head,
    Manifest,
    describe,
)
from groundswell.models.session import Model, load
from groundswell.models.spans import spans_of
from groundswell.shape import SHAPES, TITLE, UPPER
from groundswell.text import TEXT_VERSION

TAGS = ("O", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
URGENCIES = ("calm", "urgent")
GOLDEN = (
    "Norvane AG says profit soars",
    "shares of Brambell and Corvelia rise",
    "Court probe of fed: fraud at Halvorsen MARINE",
    "nothing to see here",
)


def tagger() -> onnx.ModelProto:
    """Return the graph, which reads token types as well."""
    made = graph()
    shapes = np.zeros((SHAPES, len(TAGS)), np.float32)
    shapes[:, 0] = 2.0
    shapes[TITLE, 1] = shapes[UPPER, 2] = 6.0
    names = np.zeros((len(words()) - 1, len(TAGS)), np.float32)
    names[words().index("fed"), 3] = 12.0
    names[words().index("nan")] = np.nan
    urgency = np.zeros((len(COLUMNS), len(URGENCIES)), np.float32)
    urgency[COLUMNS.index("negative"), 1] = 20.0
    node = helper.make_node
    made.graph.node.extend(
        [
            node("Gather", ["shapes", "token_type_ids"], ["by_shape"]),
            node("Gather", ["names", "input_ids"], ["by_word"]),
            node("Add", ["by_shape", "by_word"], ["entities"]),
            node("Gemm", ["embedding", "urgency_weight", "urgency_bias"], ["urgency"]),
        ]
    )
    weights = {
        "shapes": shapes,
        "names": names,
        "urgency_weight": urgency,
        "urgency_bias": np.array([1.0, 0.0], np.float32),
    }
    made.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in weights.items()
    )
    value = helper.make_tensor_value_info
    made.graph.input.append(value("token_type_ids", TensorProto.INT64, ["B", "T"]))
    made.graph.output.extend(
        [
            value("entities", TensorProto.FLOAT, ["B", "T", len(TAGS)]),
            value("urgency", TensorProto.FLOAT, ["B", len(URGENCIES)]),
        ]
    )
    onnx.checker.check_model(made, full_check=True)
    result: onnx.ModelProto = made
    return result


def make(directory: Path) -> None:
    """Write the bundle; the golden texts are what the graph itself says."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.onnx").write_bytes(tagger().SerializeToString())
    tokenizer().save(str(directory / "tokenizer.json"))
    (directory / "card.md").write_text("# tiny tagger\n\nFor the tests.\n", encoding="utf-8")
    golden = directory / "golden.jsonl"
    golden.write_text("", encoding="utf-8")
    _write_manifest(directory)
    rows = _golden(load(directory))
    golden.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    _write_manifest(directory)


def _golden(model: Model) -> list[Golden]:
    encoded = model.encode(GOLDEN)
    scores = model.run(encoded)
    tags = model.manifest.head("entities").labels
    return [
        Golden(
            text=text,
            probabilities={name: tuple(p[i].round(6).tolist()) for name, p in scores.heads.items()},
            spans={
                "entities": tuple(
                    span[:3]
                    for words_of_row in (row.words,)
                    if words_of_row is not None
                    for span in spans_of(tags, scores.words["entities"][i], words_of_row)
                )
            },
        )
        for i, (text, row) in enumerate(zip(GOLDEN, encoded, strict=True))
    ]


def _write_manifest(directory: Path) -> None:
    manifest = Manifest(
        name="tagger",
        version="1",
        created_at="2026-01-01T00:00:00Z",
        text_version=TEXT_VERSION,
        max_tokens=64,
        max_chars=512,
        token_types="shape",  # noqa: S106 - tokens of text
        languages=("en",),
        heads=(
            Head(name="entities", kind="tokens", labels=TAGS),
            Head(name="sentiment", labels=SENTIMENTS),
            Head(name="topic", kind="several", labels=TOPICS, threshold=0.8),
            Head(name="urgency", labels=URGENCIES),
        ),
        graphs=(
            Graph(
                file=describe(directory, directory / "model.onnx"), precision="fp32", verified=True
            ),
        ),
        tokenizer=describe(directory, directory / "tokenizer.json"),
        golden=describe(directory, directory / "golden.jsonl"),
        card=describe(directory, directory / "card.md"),
        encoder=EncoderSource(name="a lexicon", sha256="0" * 64, licence="Apache-2.0"),
        data={},
    )
    (directory / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "tiny-tagger")
