"""The gates over real bundles: each broken challenger is refused by the gate that is for it."""

import json
from dataclasses import replace

import msgspec
import pytest
from rich.console import Console

from export.asked import Asked, plan_of
from export.gates.core.blessing import bless
from export.gates.core.limits import Limits
from export.gates.judge import Plan, judge
from export.make import make_bundle
from groundswell.errors import BundleError, InputError
from groundswell.models.bundle import load_manifest
from groundswell.models.registry import Registry
from groundswell.models.registry.memory import MemoryObjects
from groundswell.models.signing import make_keys, verify_bundle
from tests.gates_world import as_int8, gold_rows, make, put, read, swap_labels, tamper, write_rows

AT = "2026-01-02T03:04:05Z"
LIMITS = Limits(licences=frozenset({"own"}), slower=4.0)
"""A tiny bundle answers in microseconds, which vary more than those of a real one."""


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    return make(tmp_path_factory.mktemp("champion") / "bundle")


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("gold") / "gold.jsonl", gold_rows())


@pytest.fixture
def plan(champion, gold):
    return Plan(
        gold=(gold,),
        champion=champion,
        limits=LIMITS,
        licences={"own rows": "own"},
        most=60,
        rounds=1,
    )


def verdicts_of(directory, plan):
    return {verdict.name: verdict for verdict in judge(directory, plan, AT).verdicts}


def refused(directory, plan):
    return {
        name for name, verdict in verdicts_of(directory, plan).items() if verdict.passed is False
    }


def test_a_bundle_like_the_champion_is_refused_by_none(plan, tmp_path):
    judged = judge(make(tmp_path / "new", "2"), plan, AT)

    names = [verdict.name for verdict in judged.verdicts]
    assert [verdict.name for verdict in judged.verdicts if verdict.passed is False] == []
    assert names == [
        "data: licences",
        "data: leakage",
        "data: labels",
        "baseline",
        "champion: sentiment",
        "champion: topic",
        "slices",
        "churn: sentiment",
        "churn: topic",
        "calibration: sentiment",
        "calibration: topic",
        "behaviour: invariance",
        "behaviour: directions",
        "parity",
        "latency",
        "memory",
        "clean process",
    ]
    assert judged.champion == "tiny@1"
    assert len(judged.gold) == 64
    blessing = bless(judged.verdicts, at=AT, by="t", champion="", gold="", look=0)
    assert blessing
    assert blessing.unchecked == ("data: leakage", "baseline")


def test_a_worse_model_is_refused_beside_the_champion(plan, tmp_path):
    worse = make(tmp_path / "worse", forget=("soars", "gains", "weak"))

    found = refused(worse, plan)

    assert "champion: sentiment" in found
    assert "champion: topic" not in found
    assert not found & {"parity", "clean process", "latency"}


def test_a_slow_model_is_refused_by_latency_alone(plan, tmp_path):
    assert refused(make(tmp_path / "slow", slow=4), plan) == {"latency"}


def test_labels_in_another_order_are_refused_by_the_clean_process(plan, tmp_path):
    verdicts = verdicts_of(swap_labels(make(tmp_path / "swapped")), plan)

    assert set(verdicts) == {"clean process"}
    assert "another order" in verdicts["clean process"].reason


def test_a_tampered_file_is_refused_by_the_clean_process(plan, tmp_path):
    verdicts = verdicts_of(tamper(make(tmp_path / "tampered")), plan)

    assert set(verdicts) == {"clean process"}
    assert "SHA-256" in verdicts["clean process"].reason


@pytest.mark.parametrize("worst", [2e-4, None])
def test_a_graph_that_does_not_say_what_torch_says_is_refused_by_parity(tmp_path, worst):
    made = make(tmp_path / "unlike")
    parity = {} if worst is None else {"texts": 300.0, "sentiment": worst}
    put(made, msgspec.structs.replace(read(made), parity=parity))

    assert refused(made, Plan(limits=LIMITS)) == {"parity"}


@pytest.mark.parametrize("figures", [{"agreement": 0.98}, {"mean_abs_dp": 0.02}])
def test_a_quantised_file_that_says_other_things_is_refused_for_itself(tmp_path, figures):
    made = as_int8(make(tmp_path / "int8"), **figures)

    assert refused(made, Plan(limits=LIMITS)) == {"quantised: int8"}
    assert refused(made, Plan(limits=LIMITS, held=frozenset())) == set()


def test_without_gold_and_champion_it_says_what_was_not_asked(tmp_path):
    judged = judge(make(tmp_path / "alone"), Plan(limits=LIMITS), AT)

    asked = {verdict.name for verdict in judged.verdicts if verdict.passed is not None}
    assert asked == {"parity", "clean process"}
    for verdict in judged.verdicts:
        assert verdict.passed is not False
        assert verdict.name in asked or verdict.reason.startswith("not applicable: ")
    assert (judged.champion, judged.gold, judged.look) == ("", "", 0)


def test_gold_rows_like_training_rows_are_refused(plan, gold, tmp_path):
    rows = gold_rows()
    train = write_rows(tmp_path / "train.jsonl", [rows[7], *gold_rows(30, seed=9)])

    found = verdicts_of(make(tmp_path / "new"), replace(plan, train_data=(train,)))

    assert found["data: leakage"].passed is False
    assert found["data: leakage"].figure >= 1


def test_a_small_gold_set_says_that_it_is(plan, tmp_path):
    few = write_rows(tmp_path / "few.jsonl", gold_rows(30))

    found = verdicts_of(make(tmp_path / "new"), replace(plan, gold=(few,)))

    assert found["data: labels"].passed is False
    assert found["slices"].passed is None


def test_churn_is_counted_on_live_texts_where_there_are_any(plan, tmp_path):
    live = write_rows(tmp_path / "live.jsonl", [{"text": f"profit soars {n}"} for n in range(50)])
    other = make(tmp_path / "other", forget=("profit", "soars"))

    found = verdicts_of(other, Plan(live=(live,), champion=plan.champion, limits=LIMITS))

    assert found["churn: sentiment"].passed is False
    assert found["churn: sentiment"].figure == 1.0
    assert "live texts" in found["churn: sentiment"].reason


def test_each_new_challenger_spends_a_look_and_asks_for_a_higher_bound(plan, tmp_path):
    registry = Registry(MemoryObjects())
    counted = replace(plan, registry=registry)
    first, second = make(tmp_path / "a"), make(tmp_path / "b", forget=("holds",))

    looks = [judge(each, counted, AT) for each in (first, second, first)]

    assert [judged.look for judged in looks] == [1, 2, 1]
    errors = [
        next(v for v in judged.verdicts if v.name == "champion: sentiment").figures["error"]
        for judged in looks
    ]
    assert errors[0] == errors[2] > errors[1]
    assert "look 2 at this gold set" in str(looks[1].verdicts)


def test_a_head_that_the_champion_has_with_other_labels_is_not_compared(plan, tmp_path):
    other = make(tmp_path / "other", rename={"fraud": "crime"})

    found = verdicts_of(make(tmp_path / "new"), replace(plan, champion=other))

    assert found["champion: sentiment"].passed
    assert found["champion: topic"].passed is None
    assert "churn: topic" not in found


def test_a_champion_that_does_not_work_is_an_error(plan, tmp_path):
    broken = swap_labels(make(tmp_path / "broken"))

    with pytest.raises(BundleError, match="does not work in a process of its own"):
        judge(make(tmp_path / "new"), replace(plan, champion=broken), AT)


# At the end of an export.


def exported(trained, out, plan, key=None):
    return make_bundle(
        trained[0],
        out,
        name="made",
        precisions=("int8-reduced",),
        created_at=AT,
        console=Console(quiet=True),
        gates=plan,
        key=key,
    )


def test_an_export_is_blessed_recorded_and_signed(trained, tmp_path, rows_of):
    gold = write_rows(tmp_path / "gold.jsonl", rows_of(300, seed=5))
    private, public = make_keys(tmp_path)

    manifest = exported(trained, tmp_path / "out", Plan(gold=(gold,)), private)

    refusals = [gate.name for gate in manifest.gates if gate.passed is False]
    assert (manifest.blessing is None) == bool(refusals)
    assert load_manifest(tmp_path / "out") == manifest
    verify_bundle(tmp_path / "out", public.read_bytes())
    card = (tmp_path / "out" / "card.md").read_text("utf-8")
    for gate in manifest.gates:
        assert gate.name in card
    names = {gate.name for gate in manifest.gates}
    assert {"quantised: int8-reduced", "parity", "calibration: sentiment"} <= names


def test_an_export_beside_its_own_champion_is_not_worse(trained, tmp_path, rows_of):
    gold = write_rows(tmp_path / "gold.jsonl", rows_of(300, seed=5))
    exported(trained, tmp_path / "first", Plan())

    manifest = exported(
        trained, tmp_path / "second", Plan(gold=(gold,), champion=tmp_path / "first")
    )

    found = {gate.name: gate for gate in manifest.gates}
    assert found["champion: sentiment"].passed
    assert found["champion: sentiment"].figures["difference"] == 0.0
    assert found["churn: topic"].figure == 0.0
    if manifest.blessing:
        assert manifest.blessing.champion.startswith("made@")


def test_data_without_a_licence_is_refused_a_blessing(trained, tmp_path):
    limits = Limits(licences=frozenset({"MIT"}))

    manifest = exported(trained, tmp_path / "out", Plan(limits=limits))

    assert [gate.name for gate in manifest.gates if gate.passed is False] == ["data: licences"]
    assert manifest.blessing is None
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["blessing"] is None


# What was asked on the command line.


def test_the_champion_is_the_registrys_unless_another_is_named(trained, champion, tmp_path):
    registry = Registry(MemoryObjects())
    asked = Asked(checkpoint=trained[0])
    empty = plan_of(asked, registry, tmp_path)
    assert (empty.champion, empty.no_champion) == (None, "the registry has no champion yet")

    version = registry.publish(champion)
    registry.promote(version, None, force=True, reason="the first")
    assert plan_of(asked, registry, tmp_path).champion == tmp_path / "tiny@1"
    named = Asked(checkpoint=trained[0], champion=str(champion))
    assert plan_of(named, None, tmp_path).champion == champion
    with pytest.raises(InputError, match="no registry is set"):
        plan_of(Asked(checkpoint=trained[0], champion="champion"), None, tmp_path)
