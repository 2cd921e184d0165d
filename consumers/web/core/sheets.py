"""
An alert as a page of HTML, for who comes by a signed link. Pure.

Rules: no script and no style; every text is escaped, crawled or not; a story is a link only where its
address is one of the web, and what is opened does not learn where from.
"""

from html import escape
from typing import Final

from consumers.records.alerts import Alert
from consumers.records.desk.figures import Story, figures
from consumers.records.desk.listing import seen, told_flags
from consumers.records.desk.moments import MINUTE_MS, short
from consumers.records.desk.plain import plain, web_address
from consumers.records.desk.sheet import until_worse
from groundswell.action_links import Allowed

_SHOWN: Final = 20


def about(alert: Alert, now: int) -> str:
    """Return what an alert is, who looks after it, and all its stories, to be opened; ``now`` in ms."""
    onset = short(alert.onset * MINUTE_MS)
    head = f"{alert.severity} {alert.kind} of {alert.series} since {onset} UTC: {alert.state}"
    parts = [said(head)]
    found = figures(alert.evidence)
    if found.effect is not None:
        parts.append(said(f"Negative stories, seen / usual: {seen(alert)}"))
    for name, value in (
        ("", told_flags(alert, now)),
        ("Acknowledged by ", alert.acknowledged.actor if alert.acknowledged else ""),
        ("Snoozed until ", until_worse(alert.snoozed) if alert.snoozed else ""),
        ("Last comment: ", alert.commented.comment if alert.commented else ""),
    ):
        if value:
            parts.append(said(f"{name}{value}"))
    listed = "".join(f"<li>{_story(story)}</li>" for story in found.stories[:_SHOWN])
    return "".join(parts) + (f"<ol>{listed}</ol>" if listed else "")


def _story(story: Story) -> str:
    title = escape(plain(story.title) or "(no title)")
    url = web_address(story.url)
    if url:
        title = f'<a href="{escape(url)}" rel="noopener noreferrer nofollow">{title}</a>'
    return f"{title} ({escape(plain(story.source, 80))})"


def said(text: str) -> str:
    """Return a paragraph of a text."""
    return f"<p>{escape(plain(text, 2500))}</p>"


def button(text: str) -> str:
    """Return a button that does what the address of the page is for."""
    return f'<form method="post"><button>{escape(text)}</button></form>'


def until(allowed: Allowed, *, by: bool) -> str:
    """Return in whose name a link acts (``by``), and until when it is good."""
    named = f"As {allowed.who}, once. " if by else ""
    return said(f"{named}The link is good until {short(allowed.expires * 1000)} UTC.")


def page(title: str, body: str) -> str:
    """Return a whole page; ``body`` is HTML."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><h1>{escape(title)}</h1>{body}</html>"
    )
