"""What holds of every pace and every freezing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.errors import InputError
from training.recipe import Recipe, frozen_layers, pace

SCHEDULES = st.sampled_from(["linear", "cosine", "constant"])
LENGTHS = st.integers(1, 400)
WARMUPS = st.floats(0.0, 1.0)


@given(LENGTHS, WARMUPS, SCHEDULES)
def test_a_pace_is_positive_rises_to_one_at_most_and_then_never_rises(steps, warmup, schedule):
    recipe = Recipe(warmup=warmup, schedule=schedule)
    warm = max(1, round(steps * warmup))
    paces = [pace(step, steps, recipe) for step in range(steps)]

    assert all(0.0 < each <= 1.0 for each in paces)
    assert paces[:warm] == sorted(paces[:warm])
    assert paces[warm:] == sorted(paces[warm:], reverse=True)
    assert pace(warm - 1, steps, recipe) == 1.0


@given(LENGTHS, st.floats(0.0, 0.9), st.sampled_from(["linear", "cosine"]))
def test_a_pace_ends_at_nothing(steps, warmup, schedule):
    recipe = Recipe(warmup=warmup, schedule=schedule)

    if steps > max(1, round(steps * warmup)):
        assert pace(steps, steps, recipe) == pytest.approx(0.0, abs=1e-12)


@given(LENGTHS, st.integers(1, 24))
def test_gradual_unfreezing_only_ever_thaws_and_ends_with_all_but_the_embeddings(steps, layers):
    found = [frozen_layers(Recipe(freeze="gradual"), step, steps, layers) for step in range(steps)]

    assert found == sorted(found, reverse=True)
    assert found[0] == layers + 1
    assert min(found) >= 1
    assert all(each == 1 for step, each in enumerate(found) if step * 2 >= steps and step)


@given(st.integers(0, 30), st.integers(1, 24))
def test_so_many_layers_as_there_are_can_be_frozen(wanted, layers):
    recipe = Recipe(freeze=f"layers:{wanted}")

    if wanted <= layers:
        assert frozen_layers(recipe, 0, 9, layers) == wanted + 1
    else:
        with pytest.raises(InputError, match=f"layers:N with N up to {layers}"):
            frozen_layers(recipe, 0, 9, layers)


@given(st.text(max_size=12))
def test_no_other_word_freezes(word):
    head = word.partition(":")[0]
    if head not in {"none", "embeddings", "gradual", "layers"}:
        with pytest.raises(InputError, match="--freeze"):
            frozen_layers(Recipe(freeze=word), 0, 9, 6)


def test_words_with_a_tail_and_layers_without_a_number_freeze_nothing():
    for word in ("none:1", "gradual:", "layers", "layers:", "layers:-1", "layers:two"):
        if word == "gradual:":
            continue
        with pytest.raises(InputError, match=f"--freeze {word}"):
            frozen_layers(Recipe(freeze=word), 0, 9, 6)
