"""
The evidence of an alert, as it is stored and shown: JSON, written once.

Rules: whatever a figure was computed from stands beside it, so that it can be computed again from the
counts: the span since the onset, what was usual, the parameters, the threshold, the bundles. No text is
made up: stories are those that were counted, with the words that spoke for their tone, where the bundle
says what its tokens add.
"""

from collections.abc import Mapping, Sequence

import msgspec

from consumers.watch.core.baseline import Shadow
from consumers.watch.core.decide import Decision
from consumers.watch.core.effect import Effect, effect_of
from consumers.watch.core.events import Limits
from consumers.watch.core.evidence import Null, heaviest
from consumers.watch.core.grave import Graves
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.tiers import Tiers
from consumers.watch.ports import Story

STORIES_SHOWN = 5


class Usual(msgspec.Struct, frozen=True):
    """What a minute is compared with: see ``Null`` of the detector."""

    mean: float
    size: float
    share: float
    expected: float
    usual: float


class Evidence(msgspec.Struct, frozen=True):
    """
    What raised or moved an alert, as of the end of ``minute``.

    ``effect`` counts from the onset to then. ``log_evidence`` is ln M, ``log_threshold`` ln A, and
    ``series`` shared the ``budget`` (false alarms a day). ``left_out`` are partitions that stood still.
    """

    minute: int
    log_evidence: float
    log_threshold: float
    budget: float
    series: int
    effect: Effect | None
    null: Usual | None
    parameters: Parameters
    bundles: tuple[str, ...] = ()
    left_out: tuple[int, ...] = ()
    stories: tuple[Story, ...] = ()


class Setting(msgspec.Struct, frozen=True):
    """
    What all series of a minute have in common; ``bundles`` names hashes, ``shadows`` are by new bundle.

    ``series``, how many there are, and ``log_threshold`` are set with each minute. Events are looked for
    with ``tiers``, ``graves`` and ``limits``, on a first start from minute ``since`` on; ``sources`` are
    names behind hashes.
    """

    parameters: Parameters
    budget: float
    bundles: Mapping[int, str] = {}
    left_out: tuple[int, ...] = ()
    log_threshold: float = 0.0
    series: int = 0
    shadows: Mapping[int, Shadow] = {}
    tiers: Tiers = Tiers()
    graves: Graves = Graves()
    limits: Limits = Limits()
    sources: Mapping[int, str] = {}
    since: int = 0


class UmbrellaEvidence(msgspec.Struct, frozen=True):
    """The series that stood out together, how many there were, and stories of the strongest."""

    minute: int
    members: tuple[str, ...]
    series: int
    parameters: Parameters
    stories: tuple[Story, ...] = ()


def evidence_of(
    minute: int, decision: Decision, setting: Setting, stories: Sequence[Story] = ()
) -> bytes:
    """Return the evidence of a decided minute of one series, encoded."""
    null = decision.null
    span = heaviest(decision.series.evidence)[1]
    effect = decision.effect
    if effect is None and null is not None:
        effect = effect_of(span, null, setting.parameters)
    names = (setting.bundles.get(b, f"{b:08x}") for b in decision.series.bundles)
    return msgspec.json.encode(
        Evidence(
            minute=minute,
            log_evidence=decision.log_evidence,
            log_threshold=setting.log_threshold,
            budget=setting.budget,
            series=setting.series,
            effect=effect,
            null=_usual(null),
            parameters=setting.parameters,
            bundles=tuple(names),
            left_out=setting.left_out,
            stories=tuple(stories[:STORIES_SHOWN]),
        )
    )


def _usual(null: Null | None) -> Usual | None:
    return None if null is None else Usual(**null._asdict())


def umbrella_evidence(
    minute: int, members: tuple[str, ...], setting: Setting, stories: Sequence[Story] = ()
) -> bytes:
    """Return the evidence of an umbrella, encoded."""
    return msgspec.json.encode(
        UmbrellaEvidence(
            minute, members, setting.series, setting.parameters, tuple(stories[:STORIES_SHOWN])
        )
    )
