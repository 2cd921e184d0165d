from hypothesis import given
from hypothesis import strategies as st

from consumers.watch.core.parameters import Parameters
from consumers.watch.core.states import LIVE, Machine, Signal, move, transitions

PARAMETERS = Parameters()
ALLOWED = {
    "learning": {"normal", "pending", "firing"},
    "normal": {"pending", "firing"},
    "pending": {"learning", "normal", "firing"},
    "firing": {"recovering"},
    "recovering": {"firing", "resolved"},
    "resolved": {"learning", "normal", "pending", "firing"},
}
TOP, PENDING = 11.0, 7.0


@st.composite
def signals(draw):
    log = draw(st.sampled_from([0.0, 6.5, 7.5, 11.5, 16.0]))
    return Signal(
        log_evidence=log,
        fire=log >= TOP,
        pending=log >= PENDING,
        low=log < PENDING - 1,
        unusual=draw(st.sampled_from([0.0, 0.3, 0.9])),
        learnt=draw(st.booleans()),
        critical=log >= TOP + 4.6,
        gate=draw(st.sampled_from(["", "", "1 source"])),
        onset=draw(st.integers(0, 5)),
        about="tone",
        ratio=draw(st.sampled_from([1.5, 2.0, 3.0, 8.0])),
    )


steps = st.lists(st.tuples(signals(), st.integers(1, 40)), max_size=60)


def history(moves):
    machine, tick, learnt = Machine("learning", 0), 0, False
    for signal, often in moves:
        learnt = learnt or signal.learnt  # what is learnt is never forgotten
        signal = signal._replace(learnt=learnt)  # noqa: PLW2901
        for _ in range(often):
            tick += 1
            after = move(machine, tick, signal, PARAMETERS)
            yield machine, tick, signal, after
            machine = after


@given(steps)
def test_only_the_drawn_moves_happen_and_each_is_told_once(moves):
    for before, tick, signal, after in history(moves):
        told = transitions(before, after, tick, signal)
        if before.status != after.status:
            assert after.status in ALLOWED[before.status]
            assert after.since == tick
            assert [(t.before, t.after) for t in told] == [(before.status, after.status)]
            assert all(t.cause for t in told)
        else:
            assert after.since == before.since
            assert [t.cause for t in told] in ([], ["severity rose"], ["its effect has doubled"])


@given(steps)
def test_an_alert_lives_exactly_while_firing_or_recovering(moves):
    for _, _, _, after in history(moves):
        if after.status in LIVE:
            assert after.episode is not None
            assert after.episode.resolved == -1
        elif after.episode is not None:
            assert after.episode.resolved >= after.episode.fired


@given(steps)
def test_it_fires_only_above_the_threshold_with_open_gates(moves):
    for before, _, signal, after in history(moves):
        if after.status == "firing" and before.status not in LIVE:
            assert signal.fire
            assert not signal.gate
        if before.status not in LIVE and signal.fire:
            assert after.status == ("pending" if signal.gate else "firing")


@given(steps)
def test_it_resolves_after_half_an_hour_that_looks_usual(moves):
    calm = 0
    for before, _, signal, after in history(moves):
        if before.status == "firing" and after.status == "recovering":
            assert signal.unusual < PARAMETERS.calm_below
        if before.status == "recovering" and after.status == "firing":
            assert signal.unusual >= PARAMETERS.rising_above
        calm = calm + 1 if signal.unusual < PARAMETERS.rising_above else 0
        if before.status == "recovering" and after.status == "resolved":
            assert calm > PARAMETERS.calm_for


@given(steps)
def test_severity_never_falls_and_an_episode_keeps_its_onset(moves):
    for before, tick, _, after in history(moves):
        if before.episode is None or after.episode is None:
            continue
        if before.episode.resolved == -1 or tick - before.episode.resolved <= PARAMETERS.reopen:
            assert after.episode.onset == before.episode.onset
            assert (before.episode.severity, after.episode.severity) != ("critical", "warning")
            assert after.episode.peak >= before.episode.peak


@given(steps)
def test_a_reopened_alert_is_the_same_within_two_hours_and_another_later(moves):
    for before, tick, _, after in history(moves):
        if before.episode is None or before.status in LIVE or after.status != "firing":
            continue
        if tick - before.episode.resolved <= PARAMETERS.reopen:
            assert after.episode.reopened == before.episode.reopened + 1
            assert after.episode.fired == before.episode.fired
        else:
            assert (after.episode.reopened, after.episode.fired) == (0, tick)


@given(steps)
def test_an_effect_is_told_again_once_it_is_twice_what_was_told_while_it_fires(moves):
    for before, tick, signal, after in history(moves):
        told = transitions(before, after, tick, signal)
        if before.status != "firing" or after.status != "firing":
            continue
        doubled = signal.fire and signal.ratio >= 2 * before.episode.ratio
        rose = before.episode.severity != after.episode.severity
        assert after.episode.ratio == (signal.ratio if doubled else before.episode.ratio)
        assert len(told) == (doubled or rose)
