"""A search for a recipe: the given one first, the same after a kill, best.json as train reads it."""

import json

import pytest

from groundswell.errors import CannotContinue, InputError
from tests.train_world import QUIET, recipe
from training import loop
from training.cli import recipe_of
from training.tune import SEARCHED, Search, tune

pytestmark = pytest.mark.train


class Killed(Exception):
    """What ends a search from outside."""


@pytest.fixture
def search(plan_of, write, rows_of, tmp_path):
    data = write("rows.jsonl", rows_of(60))

    def search(name, trials, *, how=None, strategy="full", **changes):
        how = how or recipe(epochs=1, batch=8)
        return tune(
            plan_of(data, strategy=strategy),
            how,
            Search(trials=trials, share=0.6, **changes),
            tmp_path / name,
            QUIET,
        )

    return search


def outcome(found):
    """What does not depend on how often it was begun."""
    return [(tried.score, tried.cut, tried.given, tried.settings) for tried in found]


def test_a_killed_search_goes_on_as_if_nothing_had_been(search, monkeypatch, tmp_path):
    whole = search("whole", 5)
    fit, calls = loop.fit, []

    def dying(*parts, **more):
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return fit(*parts, **more)

    monkeypatch.setattr("training.tune.fit", dying)
    with pytest.raises(Killed):
        search("killed", 5)
    found = search("killed", 5)

    # The trial that was killed was trained again, the one before it was not.
    assert len(calls) == 2 + 4
    assert outcome(found) == outcome(whole)
    best = (tmp_path / "killed" / "best.json").read_bytes()
    assert best == (tmp_path / "whole" / "best.json").read_bytes()


def test_the_first_trial_is_the_recipe_as_given_and_train_reads_the_best(search, tmp_path):
    how = recipe(epochs=2, batch=8, r_drop=0.25, dropout=0.4, smoothing=0.3, layer_decay=0.3)
    found = search("out", 2, how=how)

    [given] = [tried for tried in found if tried.given]
    assert given.recipe == how
    assert found[0].score >= given.score
    best = tmp_path / "out" / "best.json"
    assert recipe_of(best, ()) == found[0].recipe
    assert recipe_of(best, ["epochs=7"], batch=3).epochs == 7
    written = json.loads(best.read_text("utf-8"))
    assert {name: written[name] for name in SEARCHED} == found[0].settings
    table = (tmp_path / "out" / "trials.md").read_text("utf-8").splitlines()
    assert len(table) == 2 + 2
    assert sum("(as given)" in line for line in table) == 1


def test_a_trial_whose_weights_run_away_is_a_bad_one_and_not_the_end(search, monkeypatch):
    fit, calls = loop.fit, []

    def failing(*parts, **more):
        calls.append(1)
        if len(calls) == 2:
            raise CannotContinue("the loss is nan")
        return fit(*parts, **more)

    monkeypatch.setattr("training.tune.fit", failing)
    found = search("out", 3)

    assert len(found) == 3
    assert found[-1].score == 0.0
    assert not found[-1].given


def test_a_recipe_that_does_not_train_ends_the_search(search):
    with pytest.raises(CannotContinue, match="run away"):
        search("out", 2, how=recipe(epochs=4, learning_rate=1e30))


def test_a_bad_trial_is_cut_short(search, monkeypatch):
    scores = iter([0.9] * 12 + [0.1] * 4)
    monkeypatch.setattr("training.loop.dev_scores", lambda *_: {"sentiment": next(scores, 0.1)})

    found = search("out", 4, how=recipe(epochs=2, batch=8))

    assert [tried.cut for tried in found] == [False, False, False, True]


def test_the_journal_of_another_search_is_refused(search, tmp_path):
    search("out", 1, storage=tmp_path / "kept")

    with pytest.raises(InputError, match="kept: left by a search over other data"):
        search("out", 2, storage=tmp_path / "kept", how=recipe(epochs=1, batch=4))
    (tmp_path / "torn").write_text("not\na journal\n", encoding="utf-8")
    with pytest.raises(InputError, match="torn: not the journal of a search"):
        search("out", 2, storage=tmp_path / "torn")


def test_what_has_no_recipe_cannot_be_searched(search):
    with pytest.raises(InputError, match="nothing to search for with --strategy few-shot"):
        search("out", 1, strategy="few-shot")
