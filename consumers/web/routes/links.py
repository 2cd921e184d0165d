"""
Signed links out of messages: GET shows what a link does, only POST does it.

Rules: the page is plain HTML without script or style, in which every text is escaped; scanners of mail may
open it as often as they like. What is done is done in the name that the link carries.
"""

from html import escape
from typing import Annotated, Final

from fastapi import Path, Request
from fastapi.responses import HTMLResponse

from consumers.records.alerts import Alert
from consumers.records.desk.figures import figures
from consumers.records.desk.moments import MINUTE_MS, short
from consumers.records.desk.plain import plain
from consumers.web.core.problems import Refusal
from consumers.web.operations import Operation
from consumers.web.parts import Parts, parts_of
from groundswell.action_links import Allowed, opened

Token = Annotated[str, Path(min_length=1, max_length=400)]
_HTML: Final = "text/html"
_SHOWN: Final = 5


async def show_link(request: Request, token: Token) -> HTMLResponse:
    """Show what a signed link does, with a button that does it."""
    parts = parts_of(request)
    allowed = _opened(parts, token)
    alert = await _alert(parts, allowed)
    button = (
        f"<p>It is {escape(alert.state)}.</p>"
        if alert.state == "resolved"
        else '<form method="post"><button>Acknowledge</button></form>'
    )
    until = short(allowed.expires * 1000)
    note = f"<p>As {escape(plain(allowed.who))}. The link is good until {until} UTC.</p>"
    return _page("Acknowledge this alert?", _about(alert) + button + note)


async def follow_link(request: Request, token: Token) -> HTMLResponse:
    """Do what a signed link allows."""
    parts = parts_of(request)
    allowed = _opened(parts, token)
    request.state.actor, request.state.target = allowed.who, allowed.alert
    done = await parts.alerts.act(allowed.alert, "acknowledge", allowed.who, "by a signed link")
    if done == "unknown alert":
        raise Refusal("not-found", "the alert is not on record")
    if isinstance(done, str):
        raise Refusal("conflict", f"the alert is {done}")
    return _page("Acknowledged", _about(done) + f"<p>By {escape(plain(allowed.who))}.</p>")


def _opened(parts: Parts, token: str) -> Allowed:
    return opened(token, parts.link_keys, parts.clock.wall() // 1000)


async def _alert(parts: Parts, allowed: Allowed) -> Alert:
    alert = await parts.alerts.alert(allowed.alert)
    if alert is None or alert.id != allowed.alert:
        raise Refusal("not-found", "the alert is not on record")
    return alert


def _about(alert: Alert) -> str:
    onset = short(alert.onset * MINUTE_MS)
    head = f"{alert.severity} {alert.kind} of {alert.series} since {onset} UTC: {alert.state}"
    stories = figures(alert.evidence).stories[:_SHOWN]
    lines = (f"{story.title} ({story.source})" for story in stories)
    listed = "".join(f"<li>{escape(plain(line))}</li>" for line in lines)
    return f"<p>{escape(plain(head))}</p>" + (f"<ul>{listed}</ul>" if listed else "")


def _page(title: str, body: str) -> HTMLResponse:
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><h1>{escape(title)}</h1>{body}</html>",
        headers={"Cache-Control": "no-store", "X-Robots-Tag": "noindex"},
    )


OPERATIONS: Final = (
    Operation("GET", "/a/{token}", show_link, "links", _HTML, more=(404,)),
    Operation("POST", "/a/{token}", follow_link, "links", _HTML, more=(404, 409)),
)
