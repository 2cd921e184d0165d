"""The loop learns every kind of head, masks, keeps the best step, stops, and repeats itself."""

import re

import pytest
import torch

from groundswell.errors import CannotContinue, InputError
from tests.train_world import (
    CPU,
    EVERY,
    NAMES,
    QUIET,
    SENTIMENT,
    SUBJECTS,
    TOPIC,
    apart,
    encoded,
    fresh,
    recipe,
    said_by,
    same,
    weights_of,
)
from training import loop
from training.encode import load_tokenizer
from training.evaluate import dev_scores
from training.loop import fit
from training.losses import Encoded

pytestmark = pytest.mark.train


@pytest.fixture
def world(encoder_dir, rows_of):
    """A fresh model, rows to learn, and what to call ``fit`` with."""

    def world(count=48, functions=EVERY, **changes):
        how = recipe(**changes)
        rows = encoded(encoder_dir, rows_of(count), functions)
        return fresh(encoder_dir, functions, how), functions, rows, rows, how, CPU, QUIET

    return world


@pytest.fixture
def plant(monkeypatch):
    """Let the dev part say these scores, one an evaluation, and note the weights that it saw."""

    def plant(*scores):
        planted, seen = iter(scores), []

        def judge(model, *_):
            seen.append(weights_of(model))
            return {"sentiment": next(planted)}

        monkeypatch.setattr(loop, "dev_scores", judge)
        return seen

    return plant


def test_it_learns_a_tiny_set_of_every_kind_by_heart(world):
    parts = world(32, epochs=40, smoothing=0.0, batch=8, evaluations=1, dropout=0.0)
    model, functions, rows, *_ = parts

    fitted = fit(*parts)

    assert dev_scores(model, functions, rows, CPU) == {f.name: 1.0 for f in EVERY}
    assert fitted.best_score == 1.0
    assert fitted.history[-1].loss < fitted.history[0].loss
    given = said_by(model, rows.rows, "sentiment").argmax(axis=1)
    assert given.tolist() == [truths[1] for truths in rows.truths]


def test_it_ends_with_the_weights_of_the_best_step(world, plant):
    parts = world(64, (SENTIMENT,))
    seen = plant(0.2, 0.9, 0.5, 0.9)

    fitted = fit(*parts)

    assert [e.score for e in fitted.history] == [0.2, 0.9, 0.5, 0.9]
    assert fitted.best_step == 4
    assert [same(state, weights_of(parts[0])) for state in seen] == [False, True, False, False]


def test_it_stops_when_patience_ends(world, plant):
    plant(*[0.5] * 18)

    fitted = fit(*world(64, (SENTIMENT,), epochs=9, patience=2))

    assert len(fitted.history) == 3


def test_the_mean_of_the_last_weights_takes_their_place_where_it_is_as_good(world, plant):
    parts = world(64, (SENTIMENT,), average=3)
    seen = plant(0.2, 0.5, 0.9, 0.8, 0.9)

    fitted = fit(*parts)

    assert fitted.averaged
    mean = {name: torch.stack([state[name] for state in seen[1:4]]).mean(dim=0) for name in seen[0]}
    assert apart(weights_of(parts[0]), mean) < 1e-7


def test_a_worse_mean_is_not_taken(world, plant):
    parts = world(64, (SENTIMENT,), average=2)
    seen = plant(0.2, 0.5, 0.9, 0.8, 0.89)

    fitted = fit(*parts)

    assert not fitted.averaged
    assert same(weights_of(parts[0]), seen[2])


def test_the_same_seed_gives_the_same_weights(world):
    states = []
    for number in (1, 1, 2):
        parts = world(48, epochs=1, seed=number, dropout=0.2, r_drop=0.5, fgm=0.3)
        fit(*parts)
        states.append(weights_of(parts[0]))

    assert same(states[0], states[1])
    assert not same(states[0], states[2])


def test_a_head_without_a_label_does_not_move(world):
    model, functions, rows, dev, how, *rest = world(24, weight_decay=0.0, epochs=1)
    masked = Encoded(rows.rows, tuple((*truths[:3], None) for truths in rows.truths))
    before = weights_of(model)

    fit(model, functions, masked, dev, how, *rest)

    after = weights_of(model)
    stood = {name for name in after if torch.equal(after[name], before[name])}
    assert {name for name in stood if name.startswith("heads.")} == {
        "heads.topic.weight",
        "heads.topic.bias",
    }


def test_a_row_without_any_label_is_left_out(world):
    model, functions, rows, dev, how, *rest = world(32, (SENTIMENT, TOPIC), epochs=1)
    more = Encoded(rows.rows * 2, (*rows.truths, *[(None, None)] * len(rows.rows)))

    fit(model, functions, more, dev, how, *rest)
    once = world(32, (SENTIMENT, TOPIC), epochs=1)
    fit(*once)

    assert same(weights_of(model), weights_of(once[0]))


def test_nothing_to_train_on_is_said(world):
    model, functions, rows, dev, how, *rest = world(8, (SENTIMENT,))
    nothing = Encoded(rows.rows, tuple((None,) for _ in rows.rows))

    with pytest.raises(InputError, match="no row has a label"):
        fit(model, functions, nothing, dev, how, *rest)


def test_a_loss_that_is_not_finite_names_the_row_and_moves_nothing(world, encoder_dir, rows_of):
    parts = world(16, (SENTIMENT,), batch=16)
    word = load_tokenizer(encoder_dir / "tokenizer.json", 32).tokenizer.token_to_id("fraud")
    with torch.no_grad():
        parts[0].bert.embeddings.word_embeddings.weight[word] = float("nan")
    before = {name: value.nan_to_num() for name, value in weights_of(parts[0]).items()}
    bad = [n for n, row in enumerate(rows_of(16), start=1) if "fraud" in row["text"]]

    with pytest.raises(CannotContinue) as error:
        fit(*parts)

    found = re.fullmatch(
        r"the loss is nan at step 1 of 2: alone, (\d+) of its 16 rows give it, first "
        r"rows\.jsonl:(\d+); look at them, or train with a lower --learning-rate than 0\.003",
        str(error.value),
    )
    assert found
    assert int(found[1]) == len(bad)
    assert int(found[2]) in bad
    assert same(before, {n: value.nan_to_num() for n, value in weights_of(parts[0]).items()})


def test_weights_that_run_away_are_said_to_have(world):
    with pytest.raises(
        CannotContinue, match=r"run away; train with a lower --learning-rate than 1e\+30"
    ):
        fit(*world(32, (SENTIMENT,), learning_rate=1e30, epochs=4))


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "cosine"},
        {"class_weights": "balanced"},
        {"fake_int8": 0.5},
        {"balance": 0.0},
        {"layer_decay": 0.5},
        {"freeze": "gradual"},
    ],
)
def test_each_part_of_the_recipe_changes_the_result(world, changes):
    plain, other = (
        world(32, (NAMES, SENTIMENT, TOPIC), epochs=1, batch=8, **each)
        for each in (dict[str, object](), changes)
    )
    fit(*plain)
    fit(*other)

    assert not same(weights_of(plain[0]), weights_of(other[0]))


def test_only_evaluations_that_round_can_be_the_best(world):
    fitted = fit(
        *world(64, (SENTIMENT,), epochs=4, evaluations=1, learning_rate=1e-9, fake_int8=0.5)
    )

    # So small a rate changes nothing: of equals the earliest is the best.
    assert len({evaluation.score for evaluation in fitted.history}) == 1
    assert fitted.best_step == fitted.history[2].step


def test_scores_are_of_heads_that_have_a_label(world):
    model, functions, rows, *_ = world(12, (SENTIMENT, SUBJECTS))
    dev = Encoded(rows.rows, tuple((truths[0], None) for truths in rows.truths))

    assert dev_scores(model, functions, dev, CPU).keys() == {"sentiment"}
    assert dev_scores(model, functions, Encoded((), ()), CPU) == {}


def test_each_evaluation_is_told(world):
    told: list[object] = []
    fitted = fit(*world(64, (SENTIMENT,)), after_evaluation=told.append)

    assert tuple(told) == fitted.history
