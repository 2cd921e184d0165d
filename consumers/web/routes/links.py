"""
Signed links out of messages: GET shows what a link does, only POST does it, once.

Rules: scanners of mail may open a link as often as they like. What is done is done in the name that the
link carries; a link that was used is good no longer. Whoever reads pages is answered with one, also where
it is refused; programs get the problem.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Final, NamedTuple

from fastapi import Path, Request
from fastapi.responses import HTMLResponse

from consumers.records.alerts import Alert
from consumers.records.ports import Action, Bound
from consumers.web.core import sheets
from consumers.web.core.problems import Refusal, problem
from consumers.web.operations import Operation
from consumers.web.parts import Parts, parts_of
from groundswell.action_links import Allowed, LinkAction, name_of, opened
from groundswell.errors import Rejected

Token = Annotated[str, Path(min_length=1, max_length=400)]
Page = Callable[[Request, str], Awaitable[HTMLResponse]]
_HTML: Final = "text/html"


class _Deed(NamedTuple):
    """What a link does: the act, what the page asks and its button says, and what is said after it."""

    action: Action
    asks: str
    button: str
    done: str


_DEEDS: Final[dict[LinkAction, _Deed]] = {
    "acknowledge": _Deed("acknowledge", "Acknowledge this alert?", "Acknowledge", "Acknowledged"),
    "snooze": _Deed(
        "snooze",
        "Hear nothing more of this alert until it gets worse?",
        "Snooze until worse",
        "Snoozed until it gets worse",
    ),
}


def _for_people(page: Page) -> Page:
    """Answer with a page where something is refused, if that is what is asked for."""

    @wraps(page)
    async def answered(request: Request, token: Token) -> HTMLResponse:
        try:
            return await page(request, token)
        except (Refusal, Rejected) as error:
            if _HTML not in request.headers.get("accept", ""):
                raise
            refused = Refusal("forbidden", error.detail) if isinstance(error, Rejected) else error
            told = problem(refused.kind, refused.detail)
            return _page(told.title, sheets.said(f"{told.detail}."), told.status)

    return answered


@_for_people
async def show_link(request: Request, token: Token) -> HTMLResponse:
    """Show an alert, and what a signed link does to it, with a button that does it."""
    parts = parts_of(request)
    allowed = _opened(parts, token)
    alert = await parts.alerts.alert(allowed.alert)
    if alert is None or alert.id != allowed.alert:
        raise Refusal("not-found", "the alert is not on record")
    shown = sheets.about(alert, await parts.alerts.now())
    deed = _DEEDS.get(allowed.action)
    if deed is None:
        return _page("Alert", shown + sheets.until(allowed, by=False))
    over = alert.state == "resolved"
    asked = sheets.said("It is resolved.") if over else sheets.button(deed.button)
    return _page(deed.asks, shown + asked + sheets.until(allowed, by=True))


@_for_people
async def follow_link(request: Request, token: Token) -> HTMLResponse:
    """Do what a signed link allows, once."""
    parts = parts_of(request)
    allowed = _opened(parts, token)
    request.state.actor, request.state.target = allowed.who, allowed.alert
    deed = _DEEDS.get(allowed.action)
    if deed is None:
        raise Refusal("conflict", "the link shows the alert, and does nothing")
    bound = Bound(link=(name_of(token), allowed.expires * 1000))
    done = await parts.alerts.act(
        allowed.alert, deed.action, allowed.who, "by a signed link", bound=bound
    )
    if done == "unknown alert":
        raise Refusal("not-found", "the alert is not on record")
    if not isinstance(done, Alert):
        which = "" if done == "the link was used before" else "the alert is "
        raise Refusal("conflict", f"{which}{done}")
    shown = sheets.about(done, await parts.alerts.now())
    return _page(deed.done, sheets.said(f"By {allowed.who}.") + shown)


def _opened(parts: Parts, token: str) -> Allowed:
    return opened(token, parts.link_keys, parts.clock.wall() // 1000)


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    return HTMLResponse(sheets.page(title, body), status, headers)


OPERATIONS: Final = (
    Operation("GET", "/a/{token}", show_link, "links", _HTML, more=(404,)),
    Operation("POST", "/a/{token}", follow_link, "links", _HTML, more=(404, 409)),
)
