import numpy as np
import pytest

from groundswell.drift import sample, statistics
from groundswell.drift.judging import advice, calibrate, judge
from groundswell.drift.observed import UNSURE, observe
from groundswell.drift.scripts import script_of
from groundswell.errors import BundleError
from tests.drift_world import confusion, units

SKEWED = (0.75, 0.15, 0.10)


@pytest.fixture(scope="module")
def calibrated():
    return calibrate(units(500), {"sentiment": confusion()}, 150, rounds=399)


def test_a_window_of_the_same_stream_is_no_drift(calibrated):
    found = judge(calibrated, units(150, seed=5))

    assert found.alarms == ()
    assert {test.name for test in found.tests} == set(calibrated.tests)


def test_other_shares_of_labels_are_found_and_named(calibrated):
    found = judge(calibrated, units(150, shares=SKEWED, seed=5))

    assert "label shift of sentiment" in found.alarms
    assert "probabilities of sentiment" in found.alarms
    assert "length" not in found.alarms
    assert "script" not in found.alarms


def test_moved_embeddings_are_found_though_the_labels_stay(calibrated):
    found = judge(calibrated, units(150, moved=0.5, seed=5))

    assert found.alarms == ("embeddings",)


def test_another_script_is_found(calibrated):
    assert judge(calibrated, units(150, script="han", seed=5)).alarms == ("script",)


def test_one_big_story_is_no_drift_and_its_copies_as_stories_would_be(calibrated):
    usual, one = units(150, seed=5), units(1, seed=8)
    places = [*range(150), *[150] * 150]
    burst = np.concatenate([usual.embedding, one.embedding])
    both = units(151, seed=5)
    both = type(both)(
        embedding=burst,
        probabilities={
            "sentiment": np.concatenate(
                [usual.probabilities["sentiment"], one.probabilities["sentiment"]]
            )
        },
        length=np.append(usual.length, one.length),
        unknown=np.append(usual.unknown, one.unknown),
        script=("latin",) * 151,
        story=np.arange(151),
    ).take(places)

    as_one_story = judge(calibrated, both)
    apart = type(both)(
        embedding=both.embedding,
        probabilities=both.probabilities,
        length=both.length,
        unknown=both.unknown,
        script=both.script,
        story=np.arange(300),
    )

    assert as_one_story.alarms == ()
    assert as_one_story.texts == 300
    assert as_one_story.stories == 150
    assert "embeddings" in judge(calibrated, apart).alarms


def test_without_drift_at_most_the_stated_share_of_windows_alarms():
    alarms = 0
    for seed in range(20):
        found = calibrate(units(200, seed=1000 + seed), {"sentiment": confusion()}, 80, rounds=199)
        alarms += sum(
            bool(judge(found, units(80, seed=2000 + 5 * seed + n)).alarms) for n in range(5)
        )

    # 100 windows at a share of 5 %: the binomial's 99.9 % point is 13.
    assert alarms <= 13


def test_the_estimate_of_the_true_shares_undoes_the_confusion():
    counts = np.array([[80.0, 10, 5], [15, 70, 15], [5, 20, 80]])
    true = np.array([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]])
    predicted = true @ (counts / counts.sum(axis=0)).T

    assert statistics.true_shares(counts, predicted) == pytest.approx(true)


@pytest.mark.parametrize(
    "counts",
    [np.ones((3, 3)) * 50, np.diag([100.0, 100, 3]), np.array([[50.0, 50], [51, 49]])],
    ids=["answers do not depend on the label", "a label has three rows", "nearly so"],
)
def test_a_label_shift_is_not_estimated_from_an_ill_conditioned_matrix(counts):
    reference = units(200)
    found = calibrate(reference, {"sentiment": counts}, 60, rounds=99)

    assert "label shift of sentiment" not in found.tests
    assert "conditioned" in found.unasked["label shift of sentiment"]


def test_statistics_agree_with_their_definitions():
    draw = np.random.default_rng(3)
    values = draw.integers(0, 5, 40).astype(float)
    points = draw.normal(size=(40, 4))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    window = np.arange(40) < 15
    ours, theirs = values[:15], values[15:]

    apart = max(abs((ours <= x).mean() - (theirs <= x).mean()) for x in values)
    assert statistics.ks(values, window[None, :])[0] == pytest.approx(apart)
    mean = statistics.difference(values, window[None, :])[0]
    assert mean == pytest.approx(abs(ours.mean() - theirs.mean()))

    squared = ((points[:, None] - points[None, :]) ** 2).sum(axis=2)
    kernel = np.exp(-squared / np.median(squared[np.triu_indices(40, 1)]))
    a, b = kernel[:15, :15], kernel[15:, 15:]
    expected = (a.sum() - 15) / (15 * 14) + (b.sum() - 25) / (25 * 24) - 2 * kernel[:15, 15:].mean()
    assert statistics.mmd(points, window[None, :])[0] == pytest.approx(expected)


def test_a_window_that_is_smaller_than_planned_is_held_against_such_windows(calibrated):
    assert judge(calibrated, units(40, seed=6)).stories == 40
    with pytest.raises(ValueError, match="too small"):
        judge(calibrated, units(20, seed=6))
    with pytest.raises(ValueError, match="too few"):
        calibrate(units(40), {}, 20)


def test_action_is_advised_after_two_windows_in_a_row_and_by_what_moved(calibrated):
    same = judge(calibrated, units(150, seed=5))
    labels = judge(calibrated, units(150, shares=SKEWED, seed=6))
    texts = judge(calibrated, units(150, moved=0.6, seed=7))
    only_labels = labels._replace(
        tests=tuple(test for test in labels.tests if "sentiment" in test.name)
    )

    assert not advice((labels, same))[0]
    assert not advice((labels,))[0]
    assert "labels' shares moved" in advice((only_labels, only_labels))[1]
    assert "the texts changed" in advice((labels, texts))[1]


def test_what_is_looked_at_of_texts():
    found = observe(
        ["Profit rises", "利润上升"],
        [[1, 5, 6, 2], [1, 9, 9, 9, 2]],
        9,
        {"sentiment": np.array([[0.7, 0.3], [0.45, UNSURE - 0.01]])},
        np.array([[3.0, 4.0], [0.0, 0.0]]),
        [0, 1],
    )

    assert found.embedding.tolist() == [[0.6, 0.8], [0.0, 0.0]]
    assert found.unknown.tolist() == [0.0, 0.6]
    assert found.script == ("latin", "han")
    assert found.unsure("sentiment").tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Gewinn", "latin"),
        ("прибыль", "cyrillic"),
        ("利益が増加", "kana"),
        ("12 %", "none"),
        ("", "none"),
    ],
)
def test_scripts(text, script):
    assert script_of(text) == script


def test_a_sample_comes_back_bounded_and_without_texts():
    held = units(sample.MOST + 50)
    data = sample.encode({"int8": sample.Reference(held, {"sentiment": confusion()})})
    back = sample.decode(data, "int8")

    assert len(back.units) == sample.MOST
    assert back.units.embedding == pytest.approx(held.embedding[: sample.MOST], abs=1e-3)
    assert back.confusions["sentiment"].tolist() == confusion().tolist()
    with pytest.raises(BundleError, match="fp16"):
        sample.decode(data, "fp16")


@pytest.mark.parametrize("data", [b"", b"PK", b"\x80\x04N.", b"PK\x05\x06" + bytes(18)])
def test_anything_else_is_no_sample(data):
    with pytest.raises(BundleError, match="reference sample"):
        sample.decode(data, "int8")


def test_a_sample_is_never_unpickled():
    import io

    stream = io.BytesIO()
    np.savez(stream, length=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BundleError, match="reference sample"):
        sample.decode(stream.getvalue(), "int8")
