"""Whatever the logits: probabilities tell what they would be at another temperature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.models.bundle import File, Graph, Head
from groundswell.models.scores import at_temperature, sigmoid, softmax

LOGITS = st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=1, max_size=5)
TEMPERATURES = st.floats(0.5, 4)


@given(LOGITS, TEMPERATURES, TEMPERATURES, st.booleans())
def test_another_temperature_is_read_off_the_probabilities(logits, now, wanted, several):
    scores = np.array(logits)
    to_probabilities = sigmoid if several else softmax
    said = to_probabilities(scores, now)

    found = at_temperature(said, now, wanted, several=several)

    # Near one the rounding of a probability hides the other side: one part in a thousand is enough.
    assert found == pytest.approx(to_probabilities(scores, wanted), abs=1e-3)


def test_a_certain_answer_stays_certain():
    found = at_temperature(np.array([[1.0, 0.0]]), 2.0, 1.0, several=False)

    assert found.tolist() == [[1.0, 0.0]]


def test_a_graph_has_its_own_temperature_only_where_it_names_one():
    file = File(path="model.onnx", bytes=1, sha256="0" * 64)
    graph = Graph(file=file, precision="int8", verified=True, temperatures={"sentiment": 1.5})
    tone = Head(name="sentiment", labels=("a", "b"), temperature=1.2)
    topic = Head(name="topic", labels=("a", "b"), temperature=1.1)

    assert (graph.temperature(tone), graph.temperature(topic)) == (1.5, 1.1)
