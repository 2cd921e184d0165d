"""Whether to refresh now, how, and why: a function of what is known, the policy, and the time."""

from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["warm", "base"]
"""From the champion's weights, or from the base encoder."""
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000


class Known(NamedTuple):
    """
    Where things stand: times in ms, ``refreshed`` None before the first refresh.

    ``labels`` are settled in all, ``used`` of them the last refresh had. ``warm`` counts those in a row that
    began with a champion. ``drift`` says what moved ("" for nothing), ``cannot`` why the champion's weights
    cannot be begun with ("": they can).
    """

    labels: int
    used: int
    rows: int
    refreshed: int | None
    warm: int
    drift: str = ""
    cannot: str = ""


class Policy(NamedTuple):
    """
    When: so many new labels, or such a share of the old rows; a champion of such an age; between two, a pause.

    ``base_every``: each so many-th refresh starts from the base encoder, which forgets what errors piled up.
    """

    least_labels: int = 200
    share: float = 0.1
    days: float = 30.0
    pause_hours: float = 6.0
    base_every: int = 5


class Decision(NamedTuple):
    """Whether to go, from where, and the sentences that say why."""

    go: bool
    kind: Kind
    reasons: tuple[str, ...]


def decide(known: Known, policy: Policy, now: int, *, force: bool = False) -> Decision:
    """
    Decide; ``force`` goes without a reason, but never without a new label.

    Without one there is nothing new to learn: drift and age then ask for labels, not for training.
    """
    kind, whence = _kind(known, policy)
    new = known.labels - known.used
    wanted = min(policy.least_labels, max(1, round(policy.share * known.rows)))
    reasons = []
    if new >= wanted:
        reasons.append(f"{new} new labels; {wanted} are enough")
    if known.refreshed is not None and now - known.refreshed >= policy.days * DAY_MS:
        days = (now - known.refreshed) / DAY_MS
        reasons.append(f"the last refresh was {days:.0f} days ago; {policy.days:g} are allowed")
    if known.drift:
        reasons.append(f"drift: {known.drift}")
    if new <= 0:
        why = "no new label is settled, so there is nothing to learn"
        return Decision(go=False, kind=kind, reasons=(*_asks(reasons), why))
    if force and not reasons:
        reasons.append(f"it was asked for; {new} new labels")
    if not reasons:
        why = f"{new} new labels of the {wanted} that are a reason; no drift; not old"
        return Decision(go=False, kind=kind, reasons=(why,))
    pause = policy.pause_hours * HOUR_MS
    if known.refreshed is not None and now - known.refreshed < pause and not force:
        hours = (now - known.refreshed) / HOUR_MS
        why = f"the last refresh was {hours:.1f} hours ago; {policy.pause_hours:g} must pass"
        return Decision(go=False, kind=kind, reasons=(*reasons, why))
    return Decision(go=True, kind=kind, reasons=(*reasons, whence))


def _asks(reasons: list[str]) -> list[str]:
    return [
        f"{reason}: label some items first (`groundswell feedback queue`)" for reason in reasons
    ]


def _kind(known: Known, policy: Policy) -> tuple[Kind, str]:
    if known.cannot:
        return "base", f"from the base encoder: {known.cannot}"
    if policy.base_every and known.warm + 1 >= policy.base_every:
        return "base", f"from the base encoder, as every {policy.base_every}th time"
    return "warm", "from the champion's weights"
