"""What an opinion says, from the heads of a bundle."""

import msgspec
import numpy as np
import pytest

from consumers.counts.core.lines import decode_line, encode_line, line_of
from consumers.news import labels
from consumers.news.labels import Labelling
from consumers.news.pipeline import Incoming, Labelled, Pipeline, Work
from consumers.news.voices import Voice, Voices
from groundswell.errors import BundleError
from groundswell.events import Opinion, Origin, decode_log, encode_log
from groundswell.models.session import load
from tests.news_world import TAGGER, TINY, item


class Changed:
    """A model whose manifest says something else."""

    workers = 1

    def __init__(self, directory=TAGGER, heads=None, **changes):
        self._model = load(directory, threads=1)
        manifest = self._model.manifest
        named = {
            head.name: msgspec.structs.replace(head, **(heads or {}).get(head.name, {}))
            for head in manifest.heads
        }
        self.manifest = msgspec.structs.replace(manifest, heads=tuple(named.values()), **changes)
        self.encode = self._model.encode
        self.run = self._model.run


def opinions(model, *records):
    pipeline = Pipeline(Voices(Voice(model, "fraud")), 10_000)
    incoming = [
        Incoming(Origin(topic="news", partition=0, offset=n, after=n - 1), 1000, record, ())
        for n, record in enumerate(records)
    ]
    work = [part for part in pipeline.admit(incoming) if isinstance(part, Work)]
    outcomes = pipeline.settle(work).outcomes
    return [
        outcome.opinion if isinstance(outcome, Labelled) else decode_log(outcome.value)
        for outcome in outcomes
    ]


def test_names_stand_in_the_opinion_by_their_place_in_the_composed_text():
    [opinion] = opinions(Changed(), item("  Profit at   Norvane AG", body="fed https://x.y says"))

    composed = "Profit at Norvane AG. fed says"
    assert isinstance(opinion, Opinion)
    assert [(name.text, name.type) for name in opinion.entities] == [
        ("Profit", "ORG"),
        ("Norvane AG", "ORG"),
        ("fed", "LOC"),
    ]
    assert all(composed[name.start : name.end] == name.text for name in opinion.entities)


def test_the_words_behind_a_negative_tone_stand_in_the_opinion_and_in_its_story_line():
    model = load(TINY, threads=1, heads=labels.HEADS, explain=True)
    negative, positive = opinions(model, item("Fraud, fraud"), item("Profit soars"))

    assert (negative.words, positive.words) == (("Fraud",), ())
    assert decode_log(encode_log(negative)) == negative
    line = line_of(negative, 7, (0, 9), late=False, new=True)
    assert line.words == ("Fraud",)
    assert decode_line(encode_line(line)[1]) == line


def test_an_opinion_of_before_has_no_words_and_a_line_takes_no_more_than_it_keeps():
    [opinion] = opinions(Changed(), item("fraud"))
    written = msgspec.json.decode(encode_log(opinion))
    del written["words"]
    more = msgspec.structs.replace(opinion, words=("x" * 99,) * 9)

    assert decode_log(msgspec.json.encode(written)) == opinion
    assert line_of(more, 7, (0, 9), late=False, new=True).words == ("x" * 40,) * 5


def test_a_bundle_without_the_head_names_nothing():
    [opinion] = opinions(Changed(TINY), item("Profit at Norvane AG"))

    assert opinion.entities == ()


def test_several_topics_hold_or_none():
    first, second = opinions(Changed(), item("fraud profit"), item("nothing at all"))

    assert [topic.label for topic in first.topics] == ["earnings", "fraud"]
    assert second.topics == ()


def test_names_are_bounded_in_number_and_length(monkeypatch):
    monkeypatch.setattr(labels, "MAX_ENTITIES", 2)
    monkeypatch.setattr(labels, "MAX_ENTITY", 12)
    [opinion] = opinions(Changed(), item("Norvane MARINE HOLDINGS and Corvelia and Brambell"))

    first, second = opinion.entities
    assert (first.text, first.start, first.end) == ("Norvane MARI", 0, 12)
    assert second.text == "Corvelia"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"template": "{entity}: {text}"}, "cannot make opinions; `groundswell classify` can"),
        ({"heads": {"topic": {"kind": "tokens"}}}, "head topic is of kind tokens"),
        ({"heads": {"sentiment": {"kind": "several"}}}, "head sentiment is of kind several"),
        ({"heads": {"entities": {"kind": "single"}}}, "head entities is of kind single"),
        ({"heads": {"topic": {"name": "themes"}}}, "there is no head 'topic'"),
    ],
)
def test_a_bundle_that_cannot_make_opinions_is_refused(changes, message):
    with pytest.raises(BundleError, match=message):
        Labelling(Changed(**changes), "fraud")


def test_a_single_topic_holds_even_below_its_threshold():
    head = load(TINY, threads=1).manifest.head("topic")
    probabilities = np.array([[0.26, 0.25, 0.25, 0.24], [0.31, 0.05, 0.33, 0.31]])

    below, above = labels.chosen(head, probabilities)

    assert [topic.label for topic in below] == ["rates"]
    assert [topic.label for topic in above] == ["fraud", "rates", "markets"]
