"""Everything that a producer may send, each through the whole loop with neighbours."""

import json

import pytest

from consumers.news.labels import Labelling
from consumers.news.pipeline import MAX_DETAIL, MAX_TITLE, Incoming, Pipeline, Verdict, Work
from consumers.news.voices import Voice, Voices
from groundswell.errors import BundleError
from groundswell.events import Origin
from groundswell.models.tokens import Row
from tests.news_world import Topic, World, item, model, running

GOOD = {"id": "1", "source": "s", "published_at": "2026-01-05T10:00:00Z", "title": "Profit soars"}


def without(key):
    return json.dumps({k: v for k, v in GOOD.items() if k != key}).encode()


def changed(**fields):
    return json.dumps({**GOOD, **fields}).encode()


CLOUD = {"specversion": "1.0", "id": "e", "source": "/s", "type": "news"}
HOSTILE = {
    "not JSON": (b"nonsense", "not_json"),
    "nothing": (b"", "not_json"),
    "a tombstone": (None, "not_json"),
    "half a document": (b'{"id": "1"', "not_json"),
    "not UTF-8": (b'{"id": "\xff"}', "not_json"),
    "a lone surrogate": (changed(title="Profit \\ud800 soars").replace(b"\\\\", b"\\"), "not_json"),
    "a list": (b"[1]", "not_object"),
    "a string": (b'"x"', "not_object"),
    "null": (b"null", "not_object"),
    "no id": (without("id"), "bad_field"),
    "no source": (without("source"), "bad_field"),
    "no time": (without("published_at"), "bad_field"),
    "an empty id": (changed(id=""), "bad_field"),
    "a long id": (changed(id="x" * 513), "bad_field"),
    "a number as title": (changed(title=5), "bad_field"),
    "an unknown channel": (changed(channel="tv"), "bad_field"),
    "a date without a zone": (changed(published_at="2026-01-05T10:00:00"), "bad_field"),
    "no date": (changed(published_at="soon"), "bad_field"),
    "a time before year 1": (changed(published_at="0001-01-01T00:00:00+05:00"), "bad_field"),
    "no text": (changed(title=""), "no_text"),
    "only blanks": (changed(title=" \t\n", body="\u00a0"), "no_text"),
    "only control characters": (changed(title="\u0000\u0001\u200b"), "no_text"),
    "only a link": (changed(title="https://example.org/x"), "no_text"),
    "5 MB": (changed(body="x" * 5_000_000), "too_large"),
    "deep nesting": (b'{"x":' * 100_000 + b"1" + b"}" * 100_000, "too_deep"),
    "an unknown CloudEvents version": (
        json.dumps({**CLOUD, "specversion": "2"}).encode(),
        "bad_field",
    ),
    "a CloudEvent without data": (json.dumps(CLOUD).encode(), "bad_field"),
    "a CloudEvent with bad data": (json.dumps({**CLOUD, "data": [1]}).encode(), "bad_field"),
    "a text that the model fails on": (changed(title="explode"), "model_failed"),
    "a text that makes it NaN": (changed(title="nan"), "model_failed"),
}
BOUNDED = {
    "unknown fields": changed(extra={"a": [1]}),
    "a key twice": json.dumps(GOOD).encode().replace(b'{"id": "1"', b'{"id": "0", "id": "1"'),
    "a long body": changed(body="loss " * 100_000),
    "a long title": changed(title="Profit " * 100_000),
    "far past": changed(published_at="0001-01-01T00:00:00Z"),
    "far future": changed(published_at="9999-12-31T23:59:59Z"),
    "another zone": changed(published_at="2026-01-05T12:00:00+02:00"),
    "control characters": changed(title="Profit\u0000 \u202esoars"),
    "a CloudEvent": json.dumps({**CLOUD, "data": GOOD}).encode(),
    "the word specversion": changed(title='"specversion" Profit'),
    "another language": changed(language="de-AT"),
}


async def test_what_cannot_be_read_is_refused_and_harms_no_neighbour():
    topic = Topic()
    topic.add(item("Profit soars"))
    for value, _ in HOSTILE.values():
        topic.add(value, item("Profit soars"))
    world = World(topic, refusal_share=1.0)

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 1 + 2 * len(HOSTILE))

    rows = world.writer.told()
    assert [row.origin.offset for row in rows] == list(range(len(rows)))
    assert {type(row).__name__ for row in rows[::2]} == {"Opinion"}
    assert {type(row).__name__ for row in rows[1::2]} == {"Refusal"}
    told = dict(zip(HOSTILE, rows[1::2], strict=True))
    assert {name: row.reason for name, row in told.items()} == {
        name: reason for name, (_, reason) in HOSTILE.items()
    }
    assert all(len(row.detail) <= MAX_DETAIL for row in told.values())
    assert [copy for copy, _ in world.writer.dead] == [value for value, _ in HOSTILE.values()]


async def test_what_is_odd_is_labelled_within_bounds():
    topic = Topic()
    topic.add(*BOUNDED.values())
    world = World(topic)

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == len(BOUNDED))

    rows = dict(zip(BOUNDED, world.writer.told(), strict=True))
    assert {type(row).__name__ for row in rows.values()} == {"Opinion"}
    assert world.writer.dead == []
    assert all(len(row.title) <= MAX_TITLE for row in rows.values())
    assert [name for name, row in rows.items() if not row.read] == ["another language"]
    assert rows["another zone"].published_at.utcoffset().total_seconds() == 0
    assert max(map(len, world.writer.log[0])) < 10_000


@pytest.mark.parametrize("timestamp", [-1, 10**18])
@pytest.mark.parametrize("clock", ["wall", "records"])
async def test_a_producer_s_clock_may_be_wrong(timestamp, clock):
    topic = Topic()
    topic.add(item(), timestamp=timestamp)
    world = World(topic, clock=clock)

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 1)

    [row] = world.writer.told()
    assert (row.arrived_at.year == 9999) == (clock == "records" and timestamp > 0)


class Silent:
    """A model whose tokenizer finds no token."""

    manifest = model().manifest
    workers = 1

    def encode(self, texts):
        return [Row([]) for _ in texts]

    def run(self, rows):
        return model().run([Row([2, 3]) for _ in rows])


def test_a_text_without_tokens_is_refused():
    origin = Origin(topic="news", partition=0, offset=0, after=-1)
    voices = Voices(Voice(Silent(), "x"))
    [verdict] = Pipeline(voices, 1000).admit([Incoming(origin, 0, item(), ())])

    assert isinstance(verdict, Verdict)
    assert verdict.refused is not None
    assert verdict.refused.reason == "no_text"


def test_admit_keeps_the_order():
    pipeline = Pipeline(Voices(Voice(model(), "Profit soars")), 1000)
    origins = [Origin(topic="news", partition=0, offset=n, after=n - 1) for n in range(3)]
    values = [item("one"), b"bad", item("two")]
    out = pipeline.admit([Incoming(o, 0, v, ()) for o, v in zip(origins, values, strict=True)])

    assert [type(entry) for entry in out] == [Work, Verdict, Work]


def test_a_bundle_without_our_sentiments_is_refused():
    class Other(Silent):
        manifest = model().manifest.__class__(
            **{
                **{f: getattr(model().manifest, f) for f in model().manifest.__struct_fields__},
                "heads": tuple(
                    head.__class__(name=head.name, labels=("bad", "so-so", "good", "x"))
                    for head in model().manifest.heads
                ),
            }
        )

    with pytest.raises(BundleError, match="head sentiment has the labels bad, so-so, good, x"):
        Labelling(Other(), "x")
