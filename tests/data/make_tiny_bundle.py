"""
Make the tiny bundle of the tests: a real ONNX graph, tokenizer and manifest of a few kB.

Its embedding is a lexicon, so that a word decides the label. Two words are traps: `explode` has no row
in the embedding, so the session fails on every batch that holds it; `nan` makes its row NaN.

    python tests/data/make_tiny_bundle.py [DIRECTORY]
"""

import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

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
from groundswell.models.session import load
from groundswell.text import TEXT_VERSION

TOPICS = ("rates", "earnings", "fraud", "markets")
LEXICON = {
    "negative": ("falls", "plunges", "loss", "misses", "cut", "fraud", "crash", "weak"),
    "neutral": ("says", "meeting", "report", "holds"),
    "positive": ("rises", "soars", "profit", "beats", "strong", "record", "gains"),
    "rates": ("fed", "ecb", "rate", "rates", "inflation"),
    "earnings": ("profit", "loss", "earnings", "quarter", "beats", "misses"),
    "fraud": ("fraud", "lawsuit", "probe", "court"),
    "markets": ("shares", "stocks", "index", "crash", "record"),
}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
TRAPS = ("nan", "explode")
COLUMNS = (*SENTIMENTS, *TOPICS)
GOLDEN = (
    "Fed holds rates",
    "Profit soars in the third quarter",
    "Bank shares plunges on fraud probe",
    "Stocks crash",
    "ECB says inflation is weak",
    "The company beats forecasts, shares gains",
)


def words() -> list[str]:
    """Return the vocabulary; the trap without a row in the embedding stands last."""
    known = sorted({word for side in LEXICON.values() for word in side})
    return [*SPECIAL, *known, *TRAPS]


def tokenizer() -> Tokenizer:
    """Return a word-level tokenizer that lowers case and adds [CLS] and [SEP]."""
    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words())}, unk_token=SPECIAL[1]))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def graph() -> onnx.ModelProto:
    """Return the graph: look up, masked mean, two heads, and what each token adds to sentiment."""
    vocabulary = words()
    table = np.zeros((len(vocabulary) - 1, len(COLUMNS)), np.float32)
    for column, name in enumerate(COLUMNS):
        for word in LEXICON[name]:
            table[vocabulary.index(word), column] = 1.0
    table[vocabulary.index("nan")] = np.nan
    split = len(SENTIMENTS)
    scale = np.float32(24.0) * np.eye(len(COLUMNS), dtype=np.float32)
    weights = {
        "table": table,
        "sentiment_weight": scale[:, :split].copy(),
        "sentiment_bias": np.array([0.0, 2.0, 0.0], np.float32),
        "topic_weight": scale[:, split:].copy(),
        "topic_bias": np.array([0.0, 0.0, 0.0, 0.5], np.float32),
        "one": np.array(1.0, np.float32),
        "axis1": np.array([1], np.int64),
        "axis2": np.array([2], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "input_ids"], ["rows"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask", "axis2"], ["mask3"]),
        node("Mul", ["rows", "mask3"], ["masked"]),
        node("ReduceSum", ["masked", "axis1"], ["sum"], keepdims=0),
        node("ReduceSum", ["mask", "axis1"], ["count"], keepdims=1),
        node("Max", ["count", "one"], ["divisor"]),
        node("Div", ["sum", "divisor"], ["embedding"]),
        node("Gemm", ["embedding", "sentiment_weight", "sentiment_bias"], ["sentiment"]),
        node("Gemm", ["embedding", "topic_weight", "topic_bias"], ["topic"]),
        node("MatMul", ["masked", "sentiment_weight"], ["contributions"]),
    ]
    value = helper.make_tensor_value_info
    made = helper.make_model(
        helper.make_graph(
            nodes,
            "tiny",
            [value(n, TensorProto.INT64, ["B", "T"]) for n in ("input_ids", "attention_mask")],
            [
                value("sentiment", TensorProto.FLOAT, ["B", split]),
                value("topic", TensorProto.FLOAT, ["B", len(TOPICS)]),
                value("embedding", TensorProto.FLOAT, ["B", len(COLUMNS)]),
                value("contributions", TensorProto.FLOAT, ["B", "T", split]),
            ],
            [numpy_helper.from_array(array, name) for name, array in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    onnx.checker.check_model(made, full_check=True)
    return made


def make(directory: Path) -> None:
    """Write the bundle; the golden texts are what the graph itself says."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.onnx").write_bytes(graph().SerializeToString())
    tokenizer().save(str(directory / "tokenizer.json"))
    (directory / "card.md").write_text(
        "# tiny\n\nA lexicon in the shape of a model, for the tests.\n", encoding="utf-8"
    )
    golden = directory / "golden.jsonl"
    golden.write_text("", encoding="utf-8")
    _write_manifest(directory)
    model = load(directory)
    scores = model.run(model.encode(GOLDEN))
    rows = [
        Golden(
            text=text,
            probabilities={name: tuple(p[i].round(6).tolist()) for name, p in scores.heads.items()},
            labels={
                head.name: head.labels[int(scores.heads[head.name][i].argmax())]
                for head in model.manifest.heads
            },
        )
        for i, text in enumerate(GOLDEN)
    ]
    golden.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    _write_manifest(directory)


def _write_manifest(directory: Path) -> None:
    graph_file = describe(directory, directory / "model.onnx")
    manifest = Manifest(
        name="tiny",
        version="1",
        created_at="2026-01-01T00:00:00Z",
        text_version=TEXT_VERSION,
        max_tokens=64,
        max_chars=512,
        languages=("en",),
        heads=(
            Head(name="sentiment", labels=SENTIMENTS),
            Head(name="topic", labels=TOPICS, threshold=0.3),
        ),
        graphs=(Graph(file=graph_file, precision="fp32", verified=True),),
        tokenizer=describe(directory, directory / "tokenizer.json"),
        golden=describe(directory, directory / "golden.jsonl"),
        card=describe(directory, directory / "card.md"),
        encoder=EncoderSource(name="a lexicon", sha256="0" * 64, licence="Apache-2.0"),
        data={},
    )
    (directory / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "tiny-bundle")
