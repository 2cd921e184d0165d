"""
Challengers of a lexicon: tiny bundles that know more words or fewer, and gold rows made of those words.

A bundle whose lexicon lacks a word is wrong about the rows that hang on it, so that how much worse a
challenger is can be chosen.
"""

import importlib.util
import json
import random
from functools import partial
from pathlib import Path

import msgspec

from groundswell.models.bundle import MANIFEST, Graph, Manifest

DATA = Path(__file__).parent / "data"
TINY = DATA / "tiny-bundle"
PARITY = {"texts": 300.0, "sentiment": 1e-6, "topic": 1e-6}


def _maker():
    spec = importlib.util.spec_from_file_location("tiny_maker", DATA / "make_tiny_bundle.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(directory, version="1", *, forget=(), slow=0, rename=None):
    """
    A whole bundle that does not know the words of ``forget``; returns its directory.

    ``slow`` adds so many matrix products of no effect to its graph; ``rename`` gives topics other names.
    """
    maker = _maker()
    words = maker.words()
    known = {n: tuple(w for w in ws if w not in forget) for n, ws in maker.LEXICON.items()}
    maker.words = lambda: words  # the vocabulary stays, whatever is known of it
    if rename:
        known = {rename.get(name, name): held for name, held in known.items()}
        maker.TOPICS = tuple(rename.get(name, name) for name in maker.TOPICS)
        maker.COLUMNS = (*maker.SENTIMENTS, *maker.TOPICS)
    maker.LEXICON = known
    maker.Head = partial(maker.Head, temperature=0.2)  # so that it is as sure as it is right
    graph = maker.graph
    if slow:
        maker.graph = lambda: _slowed(graph(), slow)
    maker.make(directory)
    manifest = read(directory)
    put(directory, msgspec.structs.replace(manifest, version=version, parity=PARITY))
    return directory


def _slowed(model, times):
    """Multiply a 256 x 256 matrix by itself again and again, and add nothing of it to the sentiment."""
    import numpy as np
    from onnx import helper, numpy_helper

    graph = model.graph
    big = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32) / 256
    graph.initializer.append(numpy_helper.from_array(big, "big"))
    graph.initializer.append(numpy_helper.from_array(np.array(0.0, np.float32), "zero"))
    last = next(node for node in graph.node if node.output[0] == "sentiment")
    last.output[0] = "sentiment_before"
    make = helper.make_node
    # Begins with the input, so that it cannot be computed once and for all.
    graph.node.extend(
        [
            make("ReduceSum", ["count"], ["seed"], keepdims=0),
            make("Mul", ["big", "seed"], ["product0"]),
            *(make("MatMul", [f"product{n}", "big"], [f"product{n + 1}"]) for n in range(times)),
            make("ReduceSum", [f"product{times}"], ["all"], keepdims=0),
            make("Mul", ["all", "zero"], ["nothing"]),
            make("Add", ["sentiment_before", "nothing"], ["sentiment"]),
        ]
    )
    return model


def read(directory):
    return msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)


def put(directory, manifest):
    (directory / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def as_int8(directory, **figures):
    """Call the graph an int8 one, with these figures beside fp32."""
    manifest = read(directory)
    old = manifest.graphs[0]
    settled = {"agreement": 1.0, "mean_abs_dp": 0.0, "max_abs_dp": 0.0, **figures}
    measured = {f"int8 {head.name}": settled for head in manifest.heads}
    graph = Graph(file=old.file, precision="int8", verified=True)
    put(directory, msgspec.structs.replace(manifest, graphs=(graph,), quantisation=measured))
    return directory


def swap_labels(directory):
    """Name the labels of sentiment in another order than the graph's."""
    manifest = read(directory)
    first, second, third = manifest.heads[0].labels
    head = msgspec.structs.replace(manifest.heads[0], labels=(third, second, first))
    put(directory, msgspec.structs.replace(manifest, heads=(head, *manifest.heads[1:])))
    return directory


def tamper(directory):
    graph = directory / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    return directory


def gold_rows(count=240, seed=0):
    """Rows that hang on one word of tone and one of topic each, told by the whole lexicon."""
    maker, draw = _maker(), random.Random(seed)
    tones = {n: [w for w in maker.LEXICON[n] if w != "fraud"] for n in maker.SENTIMENTS}
    both = {w for n in maker.SENTIMENTS for w in maker.LEXICON[n]}
    topics = {n: [w for w in maker.LEXICON[n] if w not in both] for n in maker.TOPICS}
    rows = []
    for number in range(count):
        tone, topic = draw.choice(sorted(tones)), draw.choice(sorted(topics))
        words = [draw.choice(tones[tone]), draw.choice(topics[topic]), f"item{number}"]
        fill = [f"{a}{number}" for a in ("alder", "birch", "cedar", "dogwood", "elm")]
        text = " ".join([words[2], words[0], *fill[:2], words[1], *fill[2:]])
        rows.append({"text": text, "sentiment": tone, "topic": topic})
    return rows


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    card = path.with_name(f"{path.name}.card.yaml")
    card.write_text(f"name: {path.stem}\nlicence: own\n", encoding="utf-8")
    return str(path)
