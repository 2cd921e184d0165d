"""From verdicts to a blessing or none: one refusal is enough, and what was not asked is said. Pure."""

from collections.abc import Sequence

from groundswell.models.bundle import Blessing, Verdict


def refusals(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the gates that refused."""
    return [verdict for verdict in verdicts if verdict.passed is False]


def bless(
    verdicts: Sequence[Verdict], *, at: str, by: str, champion: str, gold: str, look: int
) -> Blessing | None:
    """Return the blessing; None if a gate refused, or none passed."""
    if refusals(verdicts) or not any(verdict.passed for verdict in verdicts):
        return None
    return Blessing(
        at=at,
        by=by,
        unchecked=tuple(verdict.name for verdict in verdicts if verdict.passed is None),
        champion=champion,
        gold=gold,
        look=look,
    )
