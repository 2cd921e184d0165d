"""What a silence would hide: matched as the alerts were, whatever they are by now."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from consumers.notify.core.hiding import hidden
from consumers.notify.core.matching import matches
from consumers.records.alerts import Transition
from consumers.records.notices.values import Matcher, Silence
from tests.notify_world import HOUR, NOON, alert


def silence(*matchers, start=NOON, end=NOON + HOUR):
    return Silence("x", matchers, start, end, "ann", "known")


def line(one, number=1, **more):
    given = {
        "number": number,
        "alert": one.id,
        "series": one.series,
        "sequence": number,
        "minute": one.onset,
        "at": NOON + number,
        "action": "move",
        "before": "normal",
        "after": "firing",
        "cause": "",
        "actor": "watch",
        "severity": "warning",
        "evidence": b"{}",
    }
    return Transition(**{**given, **more})


def test_it_names_what_goes_on_and_what_was_told():
    rates, banks = alert(), alert("topic:banks")
    told = [
        (line(rates), rates),
        (line(banks, 2), banks),
        (line(rates, 3, after="resolved"), rates),
    ]
    found = hidden(silence(Matcher("topic", ("rates",))), [rates, banks], told)
    assert found.open == (rates,)
    assert [(li.number, a.state) for li, a in found.transitions] == [(1, "firing"), (3, "resolved")]
    assert found.of == 3


def test_an_alert_is_matched_with_the_severity_that_it_had():
    now = msgspec.structs.replace(alert(), severity="critical")
    told = [
        (line(now), now),
        (line(now, 2, before="firing", severity="critical"), now),
        (line(now, 3, action="acknowledge", before="firing", severity=None), now),
    ]
    critical = hidden(silence(Matcher("severity", ("critical",))), [now], told)
    assert [li.number for li, _ in critical.transitions] == [2, 3]
    warning = hidden(silence(Matcher("severity", ("warning",))), [now], told)
    assert [li.number for li, _ in warning.transitions] == [1]
    assert warning.open == ()


def test_when_the_silence_lies_is_left_aside():
    one = alert()
    tomorrow = silence(Matcher("kind", ("surge",)), start=NOON + 24 * HOUR, end=NOON + 25 * HOUR)
    assert len(hidden(tomorrow, [one], [(line(one), one)]).transitions) == 1


def test_series_without_an_alert_and_silences_without_matchers_hide_nothing():
    one = alert()
    bare = line(one, alert="")
    assert hidden(silence(Matcher("kind", ("surge",))), [], [(bare, one)]) == ((), (), 0)
    assert hidden(silence(), [one], [(line(one), one)]) == ((), (), 1)


MATCHERS = st.builds(
    Matcher,
    st.sampled_from(["kind", "series", "class", "topic", "severity", "about"]),
    st.lists(
        st.sampled_from(["surge", "topic:a", "topic", "a", "b", "critical", "tone"]), max_size=3
    ).map(tuple),
    st.sampled_from(["=", "!="]),
)


@given(st.lists(MATCHERS, max_size=3), st.lists(st.sampled_from("abc"), max_size=12))
def test_what_is_hidden_is_what_the_planner_would_silence(matchers, names):
    one = silence(*matchers)
    going_on = [alert(f"topic:{name}") for name in sorted(set(names))]
    told = [(line(a, n), a) for n, a in enumerate(map(alert, [f"topic:{n}" for n in names]), 1)]
    found = hidden(one, going_on, told)
    assert found.open == tuple(a for a in going_on if matches(one, a))
    assert {a.id for _, a in found.transitions} == {a.id for a in found.open}
    assert found.of == len(names)
