import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from consumers.watch.core import evidence
from consumers.watch.core.baseline import Baseline, unlearnt
from consumers.watch.core.decide import Context, Series, begin, decide
from consumers.watch.core.evidence import Null, Seen
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.season import common, no_pool

PARAMETERS = Parameters(tick=60)
RATIOS = PARAMETERS.ratios


@st.composite
def seen(draw):
    n, late = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    return Seen(
        draw(st.integers(0, n)),
        n,
        draw(st.integers(0, late)),
        late,
        tuple(draw(st.lists(st.integers(0, 6), max_size=3, unique=True))),
        (),
        tuple(draw(st.lists(st.integers(0, 2), max_size=1))),
    )


nulls = st.builds(
    lambda expected, margin, size, usual: Null(
        expected * margin, size, min(1.0, usual * 1.25), expected, usual
    ),
    st.floats(0.001, 20),
    st.floats(1, 3),
    st.floats(0.5, 50),
    st.floats(0.01, 0.95),
)


@given(st.lists(seen(), max_size=30), nulls)
def test_evidence_stays_sound(stories, null):
    state = evidence.empty(2 * len(RATIOS), 0)
    for tick, one in enumerate(stories):
        state = evidence.step(state, tick, one, null, RATIOS)
        assert len(state.spans) <= len(state.logs)
        assert sorted(set(state.places)) == list(range(len(state.spans)))
        assert all(span.onset <= tick for span in state.spans)
        assert all(span.negative <= span.stories for span in state.spans)
        assert math.isfinite(evidence.log_evidence(state))
        onset = evidence.heaviest(state)[1].onset
        assert evidence.heaviest(state)[1].stories == sum(
            s.stories for s in stories[onset : tick + 1]
        )


@given(seen(), nulls)
def test_one_more_negative_story_never_lessens_evidence(one, null):
    more = one._replace(negative=one.negative + 1, stories=one.stories + 1)
    before = evidence.empty(2 * len(RATIOS), 0)
    less_sure, surer = (
        evidence.log_evidence(evidence.step(before, 0, s, null, RATIOS)) for s in (one, more)
    )

    assert surer > less_sure


@given(st.lists(st.one_of(seen(), st.none()), max_size=80), st.integers(0, 80))
def test_a_run_that_is_cut_and_stored_anywhere_goes_on_to_the_same_bytes(stories, cut):
    context = Context(PARAMETERS, 8.0, common(no_pool(PARAMETERS), PARAMETERS))

    def run(stored):
        series, baseline, told = begin(0, PARAMETERS), unlearnt(PARAMETERS), []
        for tick, one in enumerate(stories):
            if stored and tick == cut:
                stored_bytes = msgspec.msgpack.encode(series), msgspec.msgpack.encode(baseline)
                series = msgspec.msgpack.decode(stored_bytes[0], type=Series)
                baseline = msgspec.msgpack.decode(stored_bytes[1], type=Baseline)
            decision = decide(series, baseline, tick, one, context)
            series, baseline = decision.series, decision.baseline
            told += decision.transitions
        return msgspec.msgpack.encode((series, baseline)), told

    assert run(stored=True) == run(stored=False)
