"""The language of an item reaches the subscriber's filter: count, watch's evidence, notify's matching."""

import pytest

from consumers.adapters.count_view import stories_of
from consumers.counts.core.lines import decode_line, encode_line, line_of
from consumers.notify.core.matching import facts_of, not_enough
from consumers.records.notices.values import Filters
from consumers.watch.core.decide import Decision, begin
from consumers.watch.core.parameters import Parameters
from consumers.watch.evidence import Setting, evidence_of
from tests.count_world import opinion
from tests.notify_world import alert

MINUTE = 7
PARAMETERS = Parameters()


def evidence(*languages):
    lines = [
        decode_line(
            encode_line(
                line_of(opinion(n, language=tag, story=None), MINUTE, (0, n), late=False, new=True)
            )[1]
        )
        for n, tag in enumerate(languages)
    ]
    decision = Decision(begin(MINUTE, PARAMETERS), None, 0.0, None, None, [], None)  # type: ignore[arg-type]
    return evidence_of(MINUTE, decision, Setting(PARAMETERS, 1.0), stories_of(lines))


@pytest.mark.parametrize(
    ("asked", "told", "why"),
    [
        (("zh",), ("en", "en-GB"), "other_language"),
        (("zh",), ("en", "zh"), None),
        (("zh",), ("zh-Hant-HK",), None),
        (("ZH",), ("zh",), None),
        (("zh-TW",), ("zh",), "other_language"),
        (("z",), ("zh",), "other_language"),
        (("de", "fr"), ("fr",), None),
        (("zh",), ("",), None),
        ((), ("en",), None),
    ],
)
def test_an_alert_is_held_back_where_none_of_its_stories_is_in_a_language(asked, told, why):
    one = alert(evidence=evidence(*told))

    assert not_enough(Filters(languages=asked), one, facts_of(one)) == why
