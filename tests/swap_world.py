"""`consume` over the in-memory log with a registry in memory, and bundles to promote, good ones and bad."""

import asyncio
import json
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import onnx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import numpy_helper

from consumers.adapters.clock import SystemClock
from consumers.adapters.memory_shadows import MemoryShadows
from consumers.news.swap.bundles import Bundles
from consumers.news.swap.first import first
from consumers.news.swap.following import Followed, beside_loop
from consumers.news.swap.swapper import Around
from groundswell.models.bundle import describe
from groundswell.models.registry import CHAMPION, Registry
from groundswell.models.registry.memory import MemoryObjects
from groundswell.models.session import load
from groundswell.models.signing import public_pem, sign_bundle
from tests.news_world import World, filled, item, running
from tests.registry_world import bundle, read, write

QUICK = {"registry_poll_seconds": 0.1, "threads": 1, "swap_slower": 1000.0}


class Made:
    """A registry, its key, and a folder of bundles."""

    def __init__(self, folder, *, signed=False):
        self.folder = folder
        self.key = Ed25519PrivateKey.generate()
        self.public = public_pem(self.key) if signed else None
        self.objects = MemoryObjects()
        self.registry = Registry(self.objects, self.public)
        self.stranger = Registry(self.objects, None)
        """Somebody who can write there, and has no key."""
        self.bundles = Bundles(self.registry, folder / "cache", self.public)

    def publish(self, version, *, change=None, signed=True, key=None):
        """Publish a version, ``change``d in its folder first."""
        made = bundle(self.folder, version)
        if change is not None:
            change(made)
        if signed:
            sign_bundle(made, key or self.key)
        return self.stranger.publish(made)

    def promote(self, version, alias=CHAMPION):
        return self.stranger.promote(version, self.stranger.alias(alias), alias)

    @property
    def champion(self):
        found = self.registry.alias(CHAMPION)
        return None if found is None else found.id


class Swapping(World):
    """The world of the loop, with everything of swapping beside it."""

    def __init__(self, made, topic=None, moves=None, **settings):
        settings = {**QUICK, "bundle_cache": made.folder / "cache", **settings}
        super().__init__(topic or filled(1, 0), **settings)
        self.made = made
        self.notes = MemoryShadows()
        self.spoken = first(self.settings, made.bundles)
        self.voices.swap(self.spoken.ready.voice)
        self.voices.forget()
        self.metrics.serving(self.spoken.ready.voice.bundle, "", "")
        self.swapper, self.beside = beside_loop(
            self.settings,
            self.spoken,
            self.voices,
            Followed(made.bundles, self.notes, moves),
            Around(self.metrics, self.health, SystemClock()),
        )
        self.loop.audience = self.swapper

    @property
    def serving(self):
        return self.voices.now.bundle

    def spoke(self):
        """Return the bundles of the opinions in the order of the log, each run of one once."""
        names = [row.bundle for row in self.writer.told(0, "Opinion")]
        return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]

    def refused(self, stage):
        return self.value("swap_failures_total", stage=stage) or 0

    async def feed(self, title="Profit soars", seconds=0.002):
        """Put an item on the topic every few ms until cancelled."""
        while True:
            self.topic.add(item(title, id=str(len(self.topic.records[0]))))
            await asyncio.sleep(seconds)


@asynccontextmanager
async def swapping(world, *, feed=None):
    """Run the loop, what is beside it, and a stream if wanted."""
    task = asyncio.ensure_future(world.feed(feed)) if feed else None
    try:
        async with world.beside, running(world):
            yield world
            if task is not None:
                task.cancel()
                count = len(world.topic.records[0])
                await world.until(lambda: world.topic.committed.get(0) == count)
    finally:
        if task is not None:
            task.cancel()


async def kept(world):
    """Promote a second bundle under a stream and wait until its watch window has closed."""
    await world.until(lambda: len(world.writer.told(0, "Opinion")) > 100)
    world.made.promote(world.made.publish("2"))
    await world.until(lambda: world.serving == "tiny@2" and world.voices.before is not None)
    assert world.value("watching") == 1
    await world.until(lambda: world.voices.before is None)
    await world.until(lambda: world.made.bundles.last_good() is not None)


def described(made):
    """Let the manifest say what stands in the folder now."""
    manifest = read(made)
    [graph] = manifest.graphs
    graph = msgspec.structs.replace(graph, file=describe(made, made / "model.onnx"))
    golden = describe(made, made / "golden.jsonl")
    write(made, msgspec.structs.replace(manifest, graphs=(graph,), golden=golden))


def reweigh(made, **changes):
    """Add numbers to weights of the graph, and let the golden texts say what it says then."""
    path = made / "model.onnx"
    graph = onnx.load(path)
    for weights in graph.graph.initializer:
        if weights.name in changes:
            array = numpy_helper.to_array(weights) + changes[weights.name].astype("float32")
            weights.CopyFrom(numpy_helper.from_array(array, weights.name))
    path.write_bytes(graph.SerializeToString())
    described(made)
    model, golden = load(made, threads=1), made / "golden.jsonl"
    rows = [json.loads(line) for line in golden.read_text().splitlines()]
    scores = model.run(model.encode([row["text"] for row in rows]))
    for place, row in enumerate(rows):
        for head in model.manifest.heads:
            said = scores.heads[head.name][place]
            row["probabilities"][head.name] = said.round(6).tolist()
            row["labels"][head.name] = head.labels[int(said.argmax())]
    golden.write_text("".join(json.dumps(row) + "\n" for row in rows))
    described(made)


def gloomy(made):
    """Call most texts negative, and say so in the golden texts: nothing but the stream can show it."""
    reweigh(made, sentiment_bias=np.array([40.0, 0.0, 0.0]))


def reorder(made):
    """Let the manifest name the tones in another order than the graph's."""
    manifest = read(made)
    sentiment, *rest = manifest.heads
    turned = msgspec.structs.replace(sentiment, labels=sentiment.labels[::-1])
    write(made, msgspec.structs.replace(manifest, heads=(turned, *rest)))


def break_graph(made):
    """Put something else than a graph where the graph should be, with the right hash."""
    (made / "model.onnx").write_bytes(b"no graph")
    described(made)


def slow_down(made, width=1500):
    """Let the graph multiply by a large matrix whose result changes nothing."""
    path = made / "model.onnx"
    model = onnx.load(path)
    graph, node = model.graph, onnx.helper.make_node
    [gemm] = [found for found in graph.node if "sentiment" in found.output]
    gemm.output[0] = "sentiment_plain"
    first = np.ones((gemm_width(graph), width), np.float32)
    weights = {"wide": first, "large": np.ones((width, width), np.float32)}
    weights |= {"zero": np.zeros((), np.float32)}
    graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in weights.items())
    graph.node.extend(
        [
            node("MatMul", ["embedding", "wide"], ["w1"]),
            node("MatMul", ["w1", "large"], ["w2"]),
            node("MatMul", ["w2", "large"], ["w3"]),
            node("ReduceMean", ["w3"], ["w4"], axes=[1], keepdims=1),
            node("Mul", ["w4", "zero"], ["w5"]),
            node("Add", ["sentiment_plain", "w5"], ["sentiment"]),
        ]
    )
    path.write_bytes(model.SerializeToString())
    described(made)


def gemm_width(graph):
    """Return the width of the embedding."""
    [found] = [out for out in graph.output if out.name == "embedding"]
    return found.type.tensor_type.shape.dim[1].dim_value


def tamper(made, version, part):
    """Change a byte of a published file where it is kept."""
    [path] = [
        p
        for p in made.objects.names("bundles")
        if version.id.split("@")[1] in p.split("/") and p.endswith(part)
    ]
    data = made.objects._held[path]
    made.objects._held[path] = data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]
