"""Tags to stretches: exactly the words that are not outside, and back to what was tagged."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from groundswell.models.spans import spans_of, stretches
from groundswell.models.tokens import Words

TAGS = ("O", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
TAGGED = st.lists(st.sampled_from(TAGS), max_size=30)


@given(TAGGED)
def test_stretches_hold_each_tagged_word_once_and_in_order(tags):
    found = list(stretches(tags))

    held = [(word, label) for first, stop, label in found for word in range(first, stop)]
    assert held == [(word, tag[2:]) for word, tag in enumerate(tags) if tag != "O"]
    assert all(first < stop for first, stop, _ in found)


@given(TAGGED)
def test_a_stretch_opens_at_b_or_where_another_label_stood(tags):
    firsts = {first for first, _, _ in stretches(tags)}
    before = ["O", *tags]

    for word, tag in enumerate(tags):
        opens = tag[0] == "B" or (tag[0] == "I" and before[word][2:] != tag[2:])
        assert (word in firsts) == opens


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["ORG", "LOC", ""])), max_size=10))
def test_what_was_tagged_comes_back(parts):
    tags: list[str] = []
    expected = []
    for length, label in parts:
        if label:
            expected.append((len(tags), len(tags) + length, label))
            tags += [f"B-{label}", *[f"I-{label}"] * (length - 1)]
        else:
            tags += ["O"] * length

    assert list(stretches(tags)) == expected


@given(TAGGED, st.data())
def test_spans_reach_from_word_to_word_and_average_their_tags(tags, data):
    sure = data.draw(st.lists(st.floats(0.5, 1), min_size=len(tags), max_size=len(tags)))
    probabilities = np.array(
        [
            [p if tag == name else (1 - p) / 4 for name in TAGS]
            for tag, p in zip(tags, sure, strict=True)
        ]
    ).reshape(len(tags), len(TAGS))
    words = Words(
        "ab " * len(tags),
        list(range(1, len(tags) + 1)),
        [3 * n for n in range(len(tags))],
        [3 * n + 2 for n in range(len(tags))],
        len(tags) + 1,
    )

    spans = spans_of(TAGS, probabilities, words)

    assert [(span.start, span.end, span.label) for span in spans] == [
        (3 * first, 3 * stop - 1, label) for first, stop, label in stretches(tags)
    ]
    for span, (first, stop, _) in zip(spans, stretches(tags), strict=True):
        np.testing.assert_allclose(span.probability, np.mean(sure[first:stop]))
