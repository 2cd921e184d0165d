"""What is compared of two graphs, counted by hand; and texts enough to compare on."""

import numpy as np
import pytest

from export.answers import Answers
from export.compare import finite, measure
from export.goldens import choose
from export.make import enough
from groundswell.errors import InputError
from groundswell.models.bundle import Head

pytestmark = pytest.mark.train


def test_what_is_not_finite_is_seen_wherever_it_stands():
    fine, broken = np.zeros((2, 3), np.float32), np.array([[np.inf, 0.0]], np.float32)

    assert finite(Answers({"sentiment": fine}, {"entities": [fine, fine]}))
    assert not finite(Answers({"sentiment": broken}, {}))
    assert not finite(Answers({"sentiment": fine}, {"entities": [fine, broken]}))


def test_a_head_of_several_labels_is_compared_by_what_reaches_the_threshold():
    head = Head(name="themes", kind="several", labels=("a", "b"), threshold=0.5)
    theirs = Answers({"themes": np.array([[9, -9], [9, 9], [-9, -9]], np.float32)}, {})
    ours = Answers({"themes": np.array([[9, -9], [9, -1], [-9, -9]], np.float32)}, {})

    measured = measure(head, ours, theirs)

    assert measured["agreement"] == pytest.approx(2 / 3)
    assert measured["max_abs_dp"] == pytest.approx(0.731, abs=1e-3)
    assert choose([head], theirs, [ours]) == [0, 2]


def test_few_samples_are_stretched_to_enough_texts():
    texts = enough(["one two three four", "five six"], 6)

    assert texts[:2] == ["one two three four", "five six"]
    assert len(set(texts)) == 6
    assert len(enough([f"word{n}" for n in range(12)], 256)) == 256
    with pytest.raises(InputError, match="give 3 texts; 256 are compared"):
        enough(["a"], 256)
