"""
Days on which exchanges are closed: weekends, and the holidays of the library `holidays` (MIT).

Rules: an exchange is named by its market identifier code (XNYS, XETR, XSHG, XHKG, XLON, XJPX, …). A day of
which the library knows nothing (a year too far off) counts as open but for weekends.
"""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Final

import holidays

from consumers.notify.core.schedule import never_closed
from groundswell.errors import InputError

_SATURDAY: Final = 5


def known_markets() -> tuple[str, ...]:
    """Return the codes that are known."""
    codes = holidays.list_supported_financial()
    return tuple(sorted(code for code in codes if code.startswith("X")))


@cache
def calendar(market: str) -> Callable[[date], bool]:
    """Return what says whether an exchange is closed on a day; "" is never closed."""
    if not market:
        return never_closed
    try:
        days = holidays.financial_holidays(market)
    except NotImplementedError:
        raise InputError(
            f"market {market!r} is not known; known are {', '.join(known_markets())}"
        ) from None
    return lambda day: day.weekday() >= _SATURDAY or day in days
