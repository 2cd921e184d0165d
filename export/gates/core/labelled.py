"""The gates that need labelled rows, or the champion. Pure; each returns a verdict with its reason."""

from collections.abc import Sequence

from export.gates.core.limits import POWER, Limits
from export.gates.core.measured import (
    Beaten,
    Churn,
    Compared,
    Gold,
    Part,
    Sureness,
    Tried,
)
from export.gates.core.statistics import at_least, detectable, holm, worse_p
from groundswell.models.bundle import Verdict


def not_asked(name: str, why: str) -> Verdict:
    """Return the verdict of a gate that does not apply, or could not be asked."""
    return Verdict(name=name, passed=None, reason=f"not applicable: {why}")


def licences(stated: dict[str, str], limits: Limits) -> Verdict:
    """Hold the licences of the training data, by name, against the allow-list."""
    bad = {name: licence for name, licence in stated.items() if licence not in limits.licences}
    said = ", ".join(f"{name} ({licence})" for name, licence in sorted(bad.items()))
    reason = f"not on the allow-list: {said}" if bad else "every licence is on the allow-list"
    return _verdict("data: licences", not bad, reason, float(len(bad)), 0.0)


def leakage(gold: Sequence[Gold]) -> Verdict:
    """Refuse gold rows that resemble a row of the training data."""
    known = [each for each in gold if each.near is not None]
    if not known:
        return not_asked("data: leakage", "the training rows are not known (--train-data)")
    near = max(each.near or 0 for each in known)
    reason = f"{near} gold rows resemble a training row; none may"
    return _verdict("data: leakage", near == 0, reason, float(near), 0.0)


def labels(gold: Sequence[Gold], limits: Limits) -> Verdict:
    """Ask for enough gold rows of each label."""
    rarest = min(
        (count, f"{label} of {each.head}")
        for each in gold
        for label, count in each.of_label.items()
    )
    reason = (
        f"the rarest label, {rarest[1]}, has {rarest[0]} gold rows; {limits.label_rows} are asked"
    )
    enough = rarest[0] >= limits.label_rows
    return _verdict("data: labels", enough, reason, float(rarest[0]), float(limits.label_rows))


def baseline(beaten: Beaten) -> Verdict:
    """Ask for a better score than TF-IDF's; a model without a mistake cannot have one."""
    gain = beaten.ours - beaten.tfidf
    reason = (
        f"macro-F1 {beaten.ours:.3f} on {beaten.rows} held-out rows, TF-IDF {beaten.tfidf:.3f}; "
        "more than TF-IDF is asked"
    )
    better = gain > 0 or beaten.ours >= 1.0
    return _verdict(f"baseline: {beaten.head}", better, reason, gain, 0.0)


def champion(compared: Compared, look: int, limits: Limits) -> Verdict:
    """Ask that the challenger be not worse than the champion by more than the margin."""
    discordant = compared.better + compared.worse
    least = detectable(compared.rows, discordant, compared.error, POWER)
    counted = (
        f"look {look} at this gold set" if look else "looks are not counted without a registry"
    )
    reason = (
        f"{compared.metric} {_points(compared.difference)} points beside the champion, at least "
        f"{_points(compared.low)} with an error of {compared.error:.2g} ({counted}); at least "
        f"{_points(-limits.margin)} is asked. McNemar: {compared.better} rows better, {compared.worse} "
        f"worse, p {compared.p:.2g}. With {compared.rows} rows a difference of {100 * least:.1f} points "
        f"can be told, 4 times in 5"
    )
    figures = {
        "rows": float(compared.rows),
        "difference": compared.difference,
        "error": compared.error,
        "better": float(compared.better),
        "worse": float(compared.worse),
        "mcnemar_p": compared.p,
        "detectable": least,
        "look": float(look),
    }
    passed = compared.low >= -limits.margin
    name = f"champion: {compared.head}"
    return _verdict(name, passed, reason, compared.low, -limits.margin, figures)


def slices(parts: Sequence[Part], limits: Limits) -> Verdict:
    """
    Refuse a challenger that is surely worse on a part of the rows, by more than the slices' margin.

    Sure is Holm's correction of exact one-sided tests, over all slices of all heads.
    """
    judged = {f"{p.head}, {p.name}": p for p in parts if p.rows >= limits.slice_rows}
    if not judged:
        return not_asked("slices", f"no slice has {limits.slice_rows} rows")
    sure = holm({name: worse_p(p.better, p.worse) for name, p in judged.items()})
    worst = min(judged, key=lambda name: _gain(judged[name]))
    bad = [
        name
        for name, part in judged.items()
        if _gain(part) < -limits.slice_margin and sure[name] <= limits.slice_error
    ]
    named = ", ".join(f"{n} ({_points(_gain(judged[n]))} points, p {sure[n]:.2g})" for n in bad)
    reason = (
        f"worse on {named}"
        if bad
        else f"on none of {len(judged)} slices is accuracy surely worse by more than "
        f"{100 * limits.slice_margin:g} points; furthest down is {worst}, p {sure[worst]:.2g}"
    )
    figures = {"slices": float(len(judged)), "p": sure[worst]}
    low = _gain(judged[worst])
    return _verdict("slices", not bad, reason, low, -limits.slice_margin, figures)


def _gain(part: Part) -> float:
    return (part.better - part.worse) / part.rows


def churn(found: Churn, limits: Limits) -> Verdict:
    """Bound the share of texts whose labels change with the bundle."""
    share = found.other / found.texts
    reason = (
        f"{found.other} of {found.texts} {found.source} get other labels than from the champion; at "
        f"most {limits.churn:.0%} may"
    )
    return _verdict(f"churn: {found.head}", share <= limits.churn, reason, share, limits.churn)


def calibration(found: Sureness, limits: Limits) -> Verdict:
    """
    Bound the calibration error, also beside the champion's.

    Where the champion is beyond the bound itself, only that counts: else no successor could ever come.
    """
    limit, beside = limits.ece, ""
    if found.champion is not None:
        near = found.champion + limits.ece_worse
        limit = min(limit, near) if found.champion <= limit else near
        beside = f", the champion's {found.champion:.3f}"
    reason = f"ECE {found.ece:.3f} on {found.rows} rows{beside}; at most {limit:.3f} is asked"
    return _verdict(f"calibration: {found.head}", found.ece <= limit, reason, found.ece, limit)


def invariance(
    tests: Sequence[Tried], champions: Sequence[Tried] | None, limits: Limits
) -> Verdict:
    """
    Refuse a head whose labels hang on what must not matter: names, a link, capitals.

    Held is the lower end of the interval of each test's share of flips, for a few texts prove nothing;
    where the champion's own share is larger than what may flip, it is held against that. Token heads are
    left out: with another name other stretches are right.
    """
    held = [t for t in tests if t.kind == "invariance" and t.whole and t.tried]
    if not held:
        return not_asked("behaviour: invariance", "no test of a head of whole texts changed a text")
    beside = {(t.head, t.name): t.failures / t.tried for t in champions or () if t.tried}

    def bounds(test: Tried) -> tuple[float, float]:
        own = beside.get((test.head, test.name), 0.0)
        return at_least(test.failures, test.tried), max(limits.flips, own)

    worst = max(held, key=lambda test: bounds(test)[0] - bounds(test)[1])
    low, limit = bounds(worst)
    reason = (
        f"worst is {worst.name} of {worst.head}: {worst.failures} of {worst.tried} labels flip, surely "
        f"at least {low:.1%}; at most {limit:.1%} may"
        + (", as many as of the champion" if limit > limits.flips else "")
    )
    return _verdict("behaviour: invariance", low <= limit, reason, low, limit)


def directions(
    tests: Sequence[Tried], champions: Sequence[Tried] | None, limits: Limits
) -> Verdict:
    """Refuse a head that follows changed words surely less often than the champion's."""
    name = "behaviour: directions"
    if champions is None:
        return not_asked(name, "they are held against the champion's, and there is none")
    ours, theirs = _pooled(tests), _pooled(champions)
    if not ours[1] or not theirs[1]:
        return not_asked(name, "no directional test changed a text")
    share, beside = ours[0] / ours[1], theirs[0] / theirs[1]
    limit = beside + limits.directions_worse
    low = at_least(*ours)
    reason = (
        f"{ours[0]} of {ours[1]} changed texts ({share:.1%}) are not followed, of the champion's "
        f"{beside:.1%}; surely at least {low:.1%}, and at most {limit:.1%} is asked"
    )
    return _verdict(name, low <= limit, reason, low, limit)


def _pooled(tests: Sequence[Tried]) -> tuple[int, int]:
    held = [test for test in tests if test.kind == "direction"]
    return sum(test.failures for test in held), sum(test.tried for test in held)


def _points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def _verdict(
    name: str,
    passed: bool,  # noqa: FBT001 - the parts of a verdict
    reason: str,
    figure: float,
    threshold: float,
    figures: dict[str, float] | None = None,
) -> Verdict:
    rounded = {key: round(value, 6) for key, value in (figures or {}).items()}
    return Verdict(
        name=name,
        passed=passed,
        reason=reason,
        figure=round(figure, 6),
        threshold=round(threshold, 6),
        figures=rounded,
    )
