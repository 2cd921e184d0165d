"""
The figures in an alert's evidence, and the same computed again from what stands beside them. Pure.

    ratio        observed / expected
    its interval gamma quantiles 2.5 % and 97.5 % with shape observed + ½, over expected
    share        negative / stories
    its interval beta quantiles with shapes negative + ½ and stories − negative + ½
    threshold    ln A = ln(series / budget · ticks a day), at least 0

Rules: the formulas are those of ``docs/detection.md``, written again so that a wrong figure shows. Whoever
wrote the evidence may have written more, or another kind: a field that is missing or odd is left out,
never guessed at, and what is not known here is handed on as it is (``rest``).
"""

import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from consumers.special import beta_quantile, gamma_quantile

_TAIL: Final = 0.025
_DAY: Final = 1440


class Effect(msgspec.Struct, frozen=True):
    """What was seen since the onset against what was usual."""

    onset: int
    observed: int
    expected: float
    ratio: float
    ratio_interval: tuple[float, float]
    stories: int
    negative: int
    share: float | None
    usual: float
    share_interval: tuple[float, float] | None
    sources: int = 0
    trusted: int = 0


class Story(msgspec.Struct, frozen=True):
    """A story; ``words`` are those that spoke for its label, where the evidence carries them."""

    title: str = ""
    source: str = ""
    url: str = ""
    published: int = 0
    negative: float | None = None
    copies: int = 1
    sources: int = 1
    words: list[Any] = []

    @property
    def spoke(self) -> tuple[str, ...]:
        """The words alone, whether or not each came with its weight."""
        firsts = (word[0] if isinstance(word, list) and word else word for word in self.words)
        return tuple(word for word in firsts if isinstance(word, str))


class Threshold(msgspec.Struct, frozen=True):
    """What the threshold follows from."""

    log_threshold: float
    budget: float
    series: int
    log_evidence: float


class Figures(NamedTuple):
    """What could be read of an alert's evidence."""

    minute: int | None
    effect: Effect | None
    threshold: Threshold | None
    stories: tuple[Story, ...]
    members: tuple[str, ...]
    parameters: dict[str, Any]
    bundles: tuple[str, ...]
    left_out: tuple[int, ...]
    rest: dict[str, Any]


_KNOWN: Final = frozenset(
    {"minute", "effect", "stories", "members", "parameters", "bundles", "left_out"}
)


class Again(NamedTuple):
    """A figure, how it is computed, as it is stored, and as it comes out."""

    name: str
    how: str
    stored: tuple[float, ...]
    computed: tuple[float, ...]

    @property
    def same(self) -> bool:
        """Whether both agree, up to rounding."""
        pairs = zip(self.stored, self.computed, strict=True)
        return all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) for a, b in pairs)


def document(evidence: bytes) -> dict[str, Any]:
    """Return the evidence as JSON, empty where it is none."""
    try:
        return msgspec.json.decode(evidence, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def figures(evidence: bytes) -> Figures:
    """Return what can be read of ``evidence``."""
    held = document(evidence)
    one = _as(held.get("story"), dict[str, Any])
    listed = [*([one] if one else []), *(_as(held.get("stories"), list[Any]) or [])]
    threshold = _as(held, Threshold)
    read = (
        _KNOWN
        | ({"story"} if one else set())
        | (set(Threshold.__struct_fields__) if threshold else set())
    )
    return Figures(
        minute=_as(held.get("minute"), int),
        effect=_as(held.get("effect"), Effect),
        threshold=threshold,
        stories=tuple(story for each in listed if (story := _as(each, Story)) is not None),
        members=tuple(_as(held.get("members"), list[str]) or ()),
        parameters=_as(held.get("parameters"), dict[str, Any]) or {},
        bundles=tuple(_as(held.get("bundles"), list[str]) or ()),
        left_out=tuple(_as(held.get("left_out"), list[int]) or ()),
        rest={name: value for name, value in held.items() if name not in read},
    )


def _as(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def again(found: Figures) -> Iterator[Again]:
    """Compute each figure again that can be."""
    if (effect := found.effect) is not None:
        yield from _of_effect(effect)
    tick = found.parameters.get("tick")
    if (threshold := found.threshold) and threshold.budget > 0 and isinstance(tick, int) and tick:
        days = threshold.series / threshold.budget
        computed = max(0.0, math.log(days * _DAY / tick)) if days > 0 else 0.0
        how = f"ln({threshold.series} series / {threshold.budget:g} a day × {_DAY / tick:g} ticks)"
        yield Again("threshold", how, (threshold.log_threshold,), (computed,))


def _of_effect(effect: Effect) -> Iterator[Again]:
    expected = max(effect.expected, 1e-9)
    shape = effect.observed + 0.5
    if effect.observed >= 0:
        how = f"{effect.observed} / {effect.expected:.4g}"
        yield Again("ratio", how, (effect.ratio,), (effect.observed / expected,))
        low, high = (gamma_quantile(p, shape) / expected for p in (_TAIL, 1 - _TAIL))
        how = f"gamma quantiles 2.5 % and 97.5 %, shape {shape:g}, over {effect.expected:.4g}"
        yield Again("ratio interval", how, effect.ratio_interval, (low, high))
    if effect.share is None or effect.share_interval is None:
        return
    rest = effect.stories - effect.negative
    if effect.negative >= 0 and rest >= 0 and effect.stories:
        how = f"{effect.negative} / {effect.stories}"
        yield Again("share", how, (effect.share,), (effect.negative / effect.stories,))
        a, b = effect.negative + 0.5, rest + 0.5
        low, high = (beta_quantile(p, a, b) for p in (_TAIL, 1 - _TAIL))
        how = f"beta quantiles 2.5 % and 97.5 %, shapes {a:g} and {b:g}"
        yield Again("share interval", how, effect.share_interval, (low, high))
