import msgspec
import pytest

from consumers.watch.core.baseline import Shadow
from consumers.watch.core.decide import Context, decide
from consumers.watch.core.evidence import Seen
from consumers.watch.core.parameters import period_of
from consumers.watch.core.season import common
from consumers.watch.core.states import ELEVATED
from consumers.watch.core.together import decide_all, none_yet
from groundswell.errors import Bug
from tests.watch_world import DAY, LOG_A, PARAMETERS, SOURCES, run, stream

START = 12 * DAY + 100
END = START + 36


def during(factor):
    return lambda tick: factor if START <= tick < END else 1.0


@pytest.fixture(scope="module")
def surge():
    return run({"topic:a": stream(3, 14, 30, odds=during(12))})


def test_a_surge_fires_once_says_since_when_and_ends(surge):
    [fired] = surge.fired
    effect = fired.decision.effect
    moves = [t.after for _, t in surge.told if t.tick >= START]

    assert START <= fired.tick < START + 18
    assert START - 3 <= effect.onset <= fired.tick
    assert effect.ratio > 2
    assert effect.ratio_interval[0] > 1
    assert effect.share_interval[0] > effect.usual
    assert moves[-4:] == ["firing", "recovering", "resolved", "normal"]
    assert max(t.tick for _, t in surge.told) < END + 100


def test_nothing_is_learnt_while_a_series_is_elevated_and_for_two_hours_after():
    normal = stream(3, 12, 30)
    before = run({"s": normal}).state
    hit = [Seen(20, 30, sources=SOURCES)] * 24
    during_it = run({"s": hit}, state=before, first=12 * DAY).state
    periods = before.baselines["s"].periods

    assert during_it.series["s"].machine.status in ELEVATED
    assert during_it.baselines["s"].count <= before.baselines["s"].count * 1.02
    assert during_it.baselines["s"].periods <= periods + 1
    after = run({"s": stream(4, 1, 30)}, state=during_it, first=12 * DAY + 24).state
    assert periods < after.baselines["s"].periods < periods + 24


def test_what_lasts_for_days_is_learnt_in_the_end():
    ran = run({"s": stream(6, 24, 10, volume=lambda t: 4.0 if t > 9 * DAY else 1.0)})

    assert ran.fired
    assert ran.state.series["s"].machine.status in {"normal", "resolved"}


def test_the_first_week_is_learning_and_says_so():
    ran = run({"s": stream(5, 9, 20)})

    [(_, told)] = [x for x in ran.told if x[1].after == "normal" and x[1].before == "learning"]
    assert told.cause == "learnt"
    assert 7 * DAY <= told.tick <= 8 * DAY


def test_more_stories_of_the_usual_tone_are_attention_and_sourer_ones_tone():
    fired = run(
        {
            **{f"v{n}": stream(20 + n, 13, 25, volume=during(6)) for n in range(5)},
            **{f"t{n}": stream(40 + n, 13, 50, odds=during(6)) for n in range(5)},
        }
    ).fired
    kinds = {name: d.effect.kind for name, _, d in fired if d.effect}

    assert [kinds.get(f"v{n}") for n in range(5)] == ["attention"] * 5
    assert [kinds.get(f"t{n}") for n in range(5)] == ["tone"] * 5


def test_a_gate_holds_back_without_forgetting():
    one_source = [
        seen._replace(sources=(1,) if tick < END else SOURCES)
        for tick, seen in enumerate(stream(3, 13, 30, odds=during(40)))
    ]
    ran = run({"s": one_source})
    held = [t for _, t in ran.told if t.after == "pending" and t.tick >= START]

    assert not [f for f in ran.fired if f.tick < END]
    assert held
    few = run({"s": [Seen(0, 1, sources=SOURCES)] * 3000 + [Seen(2, 2, sources=SOURCES)]})
    assert not few.fired


def test_a_feed_that_returns_with_all_its_late_stories_is_no_surge():
    feed = stream(8, 14, 40)
    out = [Seen(0, 0)] * 60
    gone = feed[12 * DAY : 12 * DAY + 60]
    back = Seen(0, 0, sum(s.negative for s in gone), sum(s.stories for s in gone), SOURCES)
    ran = run({"s": [*feed[: 12 * DAY], *out, back, *feed[12 * DAY + 61 :]]})

    assert back.late > 100
    assert ran.fired == []


def test_a_stopped_feed_moves_nothing():
    before = run({"s": stream(8, 9, 10)}).state
    after = run({"s": [None] * 500}, state=before, first=9 * DAY).state

    assert after.series["s"].evidence == before.series["s"].evidence
    assert after.baselines["s"].periods <= before.baselines["s"].periods + 1


@pytest.mark.parametrize("shadow", [Shadow(4000, 800, 1200), None])
def test_a_new_bundle_that_finds_more_negative_is_no_surge_once_it_is_compared(shadow):
    before = run({"s": stream(2, 14, 30)}).state
    state, fired = before, []
    for place, seen in enumerate(stream(30, 3, 30, share=0.3 if shadow else 0.2)):
        seen = seen._replace(bundles=(2,) if place else (1,))  # noqa: PLW2901
        after = decide_all(
            state, 14 * DAY + place, {"s": seen}, {"s": LOG_A}, PARAMETERS, shadow=shadow
        )
        state = after.state
        fired += [t for t in after.decisions["s"].transitions if t.after == "firing"]
        if place == 1:
            null = after.decisions["s"].null
            assert null
            assert null.mean >= null.expected * 1.6
            assert null.usual == pytest.approx(0.3 if shadow else 0.2, rel=0.15)

    assert fired == []
    assert state.series["s"].bundles == (2, 1)


def test_without_the_comparison_such_a_bundle_does_raise_one():
    before = run({"s": stream(2, 14, 60)}).state
    ran = run({"s": stream(30, 1, 60, share=0.6)}, state=before, first=14 * DAY)

    assert ran.fired


def test_decided_ticks_again_give_the_same_bytes_and_one_tick_is_decided_once(surge):
    again = run({"topic:a": stream(3, 14, 30, odds=during(12))})

    assert msgspec.msgpack.encode(again.state) == msgspec.msgpack.encode(surge.state)
    assert again.told == surge.told
    series, baseline = surge.state.series["topic:a"], surge.state.baselines["topic:a"]
    context = Context(PARAMETERS, LOG_A, common(surge.state.pool, PARAMETERS))
    with pytest.raises(Bug, match="is decided"):
        decide(series, baseline, series.tick, Seen(0, 0), context)
    assert series.open.period == period_of(series.tick, PARAMETERS)


def test_the_state_of_a_series_is_small(surge):
    assert len(msgspec.msgpack.encode(surge.state.series["topic:a"])) < 500


def test_very_strong_evidence_or_a_sure_ratio_of_trusted_sources_is_critical():
    [loud] = run({"s": stream(3, 13, 30, odds=during(200), volume=during(5))}).fired
    trusting = [
        s._replace(trusted=(1, 2, 3)) for s in stream(3, 13, 30, odds=during(12), volume=during(3))
    ]
    [sure] = run({"s": trusting}, log_a=LOG_A + 4).fired

    assert [t.severity for t in loud.decision.transitions] == ["critical"]
    assert [t.severity for t in sure.decision.transitions] == ["critical"]


def test_an_umbrella_rises_over_many_series_at_once():
    streams = {f"s{n}": stream(60 + n, 13, 30, odds=during(10)) for n in range(6)}
    state, ups = none_yet(PARAMETERS), []
    for place in range(END):
        seen = {name: values[place] for name, values in streams.items()}
        state = decide_all(state, place, seen, dict.fromkeys(streams, LOG_A), PARAMETERS).state
        if state.umbrella.since >= 0:
            ups.append((place, state.umbrella.members))

    assert ups[0][0] >= START
    assert len(ups[-1][1]) >= 5
