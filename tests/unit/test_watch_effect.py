import pytest

from consumers.watch.core.effect import effect_of, kind_of
from consumers.watch.core.evidence import Null, Span
from consumers.watch.core.parameters import Parameters

PARAMETERS = Parameters()
NULL = Null(mean=0.15, size=5.0, share=0.25, expected=0.1, usual=0.2)


def span(negative, stories, expected=4.0, late_negative=0, late=0):
    return Span(100, expected, negative, stories, late_negative, late, (1, 2), (2,))


def test_an_effect_says_what_was_seen_against_what_was_expected():
    effect = effect_of(span(12, 24, late_negative=3, late=6), NULL, PARAMETERS)

    assert (effect.onset, effect.observed, effect.expected) == (100, 12, 4.0)
    assert effect.ratio == 3.0
    assert effect.ratio_interval == pytest.approx((12 / 4 * 0.546, 12 / 4 * 1.698), rel=0.01)
    assert (effect.negative, effect.stories, effect.share) == (15, 30, 0.5)
    assert effect.share_interval == pytest.approx((0.328, 0.672), abs=0.003)
    assert (effect.sources, effect.trusted) == (2, 1)


def test_a_plain_series_of_counts_has_no_share():
    effect = effect_of(span(40, 0), NULL, PARAMETERS)

    assert (effect.share, effect.share_interval, effect.kind) == (None, None, "attention")


@pytest.mark.parametrize(
    ("negative", "stories", "kind"),
    [
        (18, 21, "tone"),
        (15, 75, "attention"),
        (40, 70, "both"),
        (60, 60, "both"),
        (0, 0, "attention"),
    ],
)
def test_an_alert_says_what_there_is_more_of(negative, stories, kind):
    assert kind_of(span(negative, stories), NULL, PARAMETERS) == kind


def test_all_negative_where_all_is_negative_is_no_tone():
    always = Null(0.15, 5.0, 1.0, 0.1, 1.0)

    assert kind_of(span(30, 30), always, PARAMETERS) == "attention"
