"""
What people do with alerts: acknowledge, silence, resolve, assign, comment, snooze, judge; a signed link.

Rule: ``If-Match``, where it is sent, is compared with the alert in the transaction that acts: of two who
act over the same state, one is refused.
"""

from typing import Annotated, Final

import msgspec
from fastapi import Request, Response
from msgspec import Meta

from consumers.records.alerts import Alert, Judgement
from consumers.records.desk.forms import AlertForm, alert_form
from consumers.records.desk.moments import iso, moment_of
from consumers.records.folding import words
from consumers.records.ports import FREELY, Action, Bound, Nothing
from consumers.web.answers import answer, read
from consumers.web.core.pages import still, tag_of
from consumers.web.core.problems import Refusal
from consumers.web.operations import Operation
from consumers.web.parts import caller_of, parts_of
from consumers.web.routes.alerts import ONE, AlertId, alert_of
from groundswell.action_links import LONGEST_SECONDS, Allowed, LinkAction, address

Comment = Annotated[str, Meta(max_length=2000)]
LONGEST_SILENCE_MS: Final = 30 * 86_400_000


class ActIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; kept in the history."""

    comment: Comment = ""


class SilenceAlertIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``until``: a time (ISO 8601), at most 30 days away; without it as long as the alert lasts."""

    comment: Comment = ""
    until: Annotated[str, Meta(max_length=40)] | None = None


class AssignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``to``: a person or a team; null: nobody. Why; kept in the history."""

    to: Annotated[str, Meta(min_length=1, max_length=100)] | None
    comment: Comment = ""


class CommentIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What there is to say of an alert."""

    comment: Annotated[str, Meta(min_length=1, max_length=2000)]


class JudgeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an alert was: a hit, a miss (false alarm), or void (a fault of the feed, a test); and why."""

    judgement: Judgement
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class LinkIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a link is for (``open`` shows the alert, and does nothing), and how long it is good, in seconds."""

    seconds: Annotated[int, Meta(ge=60, le=LONGEST_SECONDS)] = 8 * 3600
    action: LinkAction = "acknowledge"


class LinkForm(msgspec.Struct, frozen=True):
    """A signed link: whoever has it may do that one thing, once, in your name until it ``expires``."""

    url: str
    expires: str


async def acknowledge_alert(request: Request, alert: AlertId) -> Response:
    """Acknowledge an alert: somebody looks after it. Ends when the severity rises, or the alert."""
    given = await read(request, ActIn)
    return await _acted(request, alert, "acknowledge", given.comment)


async def silence_alert(request: Request, alert: AlertId) -> Response:
    """Silence an alert until a time, or as long as it lasts."""
    given = await read(request, SilenceAlertIn)
    until = None
    if given.until is not None:
        now = await parts_of(request).alerts.now()
        until = moment_of("until", given.until, now)
        if not now < until <= now + LONGEST_SILENCE_MS:
            raise Refusal("invalid", "until: must lie in the future, within 30 days")
    return await _acted(request, alert, "silence", given.comment, until)


async def resolve_alert(request: Request, alert: AlertId) -> Response:
    """Resolve an alert: over, whatever the detector says, until it fires again."""
    given = await read(request, ActIn)
    return await _acted(request, alert, "resolve", given.comment)


async def assign_alert(request: Request, alert: AlertId) -> Response:
    """Assign an alert to a person or a team, or to nobody; also one that is over."""
    given = await read(request, AssignIn)
    if given.to is not None and not words(given.to):
        raise Refusal("invalid", "to: name a person or a team, or null for nobody")
    return await _acted(request, alert, "assign", given.comment, to=given.to or "")


async def comment_alert(request: Request, alert: AlertId) -> Response:
    """Comment on an alert: it stands in the history for good; also on one that is over."""
    given = await read(request, CommentIn)
    if not words(given.comment):
        raise Refusal("invalid", "comment: say something")
    return await _acted(request, alert, "comment", given.comment)


async def snooze_alert(request: Request, alert: AlertId) -> Response:
    """Snooze an alert until worse: more severe, twice the effect, or over and back. It tells nothing before."""
    given = await read(request, ActIn)
    return await _acted(request, alert, "snooze", given.comment)


async def judge_alert(request: Request, alert: AlertId) -> Response:
    """Say what an alert was. The last word of a person counts."""
    given, parts = await read(request, JudgeIn), parts_of(request)
    who, bound = caller_of(request).owner, _bound(request)
    done = await parts.alerts.judge(alert, given.judgement, given.reason, who, bound)
    return await _told(request, alert, done)


async def link_alert(request: Request, alert: AlertId) -> Response:
    """Make a signed link by which one thing can be done to the alert in your name, for a message."""
    given, parts = await read(request, LinkIn), parts_of(request)
    await alert_of(request, alert)
    expires = parts.clock.wall() // 1000 + given.seconds
    allowed = Allowed(given.action, alert, expires, caller_of(request).owner)
    url = address(parts.settings.public_url, allowed, parts.link_keys)
    return answer(request, LinkForm(url, iso(expires * 1000)), status=201)


async def _acted(
    request: Request,
    name: str,
    action: Action,
    comment: str,
    until: int | None = None,
    *,
    to: str = "",
) -> Response:
    desk, who = parts_of(request).alerts, caller_of(request).owner
    done = await desk.act(name, action, who, comment, until, to=to, bound=_bound(request))
    return await _told(request, name, done)


async def _told(request: Request, name: str, done: Alert | Nothing) -> Response:
    """Return the alert, or raise why nothing was done."""
    if isinstance(done, Alert):
        return answer(request, alert_form(done, await parts_of(request).alerts.now()))
    if done == "unknown alert":
        raise Refusal("not-found", f"no alert has the id {name}")
    if done == "changed meanwhile":
        raise Refusal("precondition-failed", "read it again, and send its new ETag")
    raise Refusal("conflict", f"{name} is {done}")


def _bound(request: Request) -> Bound:
    """Return what must hold where the request names the state that it was made over."""
    given = request.headers.get("if-match")
    if given is None:
        return FREELY

    def unchanged(alert: Alert, now: int) -> bool:
        return still(given, tag_of(msgspec.json.encode(alert_form(alert, now))))

    return Bound(unchanged)


OPERATIONS: Final = (
    *(
        Operation(
            "POST", f"{ONE}/{path}", call, "alerts", AlertForm, takes,
            more=(404, 409, 412), needs_body=takes in {JudgeIn, AssignIn, CommentIn}, hears_match=True,
        )
        for path, call, takes in (
            ("acknowledge", acknowledge_alert, ActIn),
            ("silence", silence_alert, SilenceAlertIn),
            ("resolve", resolve_alert, ActIn),
            ("assign", assign_alert, AssignIn),
            ("comment", comment_alert, CommentIn),
            ("snooze", snooze_alert, ActIn),
            ("judge", judge_alert, JudgeIn),
        )
    ),
    Operation(
        "POST", f"{ONE}/link", link_alert, "alerts", LinkForm, LinkIn,
        status=201, more=(404,), needs_body=False,
    ),
)  # fmt: skip
