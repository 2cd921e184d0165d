"""Alerts: list, show, evidence, history; acknowledge, silence, resolve, judge; a signed link."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import Path, Query, Request, Response
from msgspec import Meta

from consumers.records.alerts import Alert, Judgement, Kind, Severity, State
from consumers.records.desk.figures import again, document, figures
from consumers.records.desk.forms import (
    AlertForm,
    LineForm,
    PageForm,
    VerdictForm,
    alert_form,
    episode_form,
)
from consumers.records.desk.moments import iso, minute_of, moment_of
from consumers.records.ports import Action, Filter
from consumers.web.answers import answer, matched, read
from consumers.web.core.pages import cursor, place_of, tag_of
from consumers.web.core.problems import Refusal
from consumers.web.operations import V1, Operation
from consumers.web.parts import caller_of, parts_of
from groundswell.action_links import LONGEST_SECONDS, Allowed, signed

AlertId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}-[0-9]{1,12}$")]
Comment = Annotated[str, Meta(max_length=2000)]
Moment = Annotated[str | None, Query(max_length=40)]
LONGEST_SILENCE_MS: Final = 30 * 86_400_000
_LIST: Final = "alerts"


class ActIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; kept in the history."""

    comment: Comment = ""


class SilenceAlertIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``until``: a time (ISO 8601), at most 30 days away; without it as long as the alert lasts."""

    comment: Comment = ""
    until: Annotated[str, Meta(max_length=40)] | None = None


class JudgeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an alert was: a hit, a miss (false alarm), or void (a fault of the feed, a test); and why."""

    judgement: Judgement
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class LinkIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a link to acknowledge the alert is good, in seconds."""

    seconds: Annotated[int, Meta(ge=60, le=LONGEST_SECONDS)] = 8 * 3600


class LinkForm(msgspec.Struct, frozen=True):
    """A signed link: whoever has it may acknowledge the alert in your name until it ``expires``."""

    url: str
    expires: str


class ComputedForm(msgspec.Struct, frozen=True):
    """A figure, how it is computed, as it is stored, and as it comes out again."""

    name: str
    how: str
    stored: tuple[float, ...]
    computed: tuple[float, ...]
    same: bool


class EvidenceForm(msgspec.Struct, frozen=True):
    """The evidence as it was written; texts of stories in it are as they were crawled: never trust them."""

    alert: str
    evidence: dict[str, Any]
    computed: tuple[ComputedForm, ...]


class HistoryForm(msgspec.Struct, frozen=True):
    """All that happened to an alert, and all that was said of it."""

    alert: str
    history: tuple[LineForm, ...]
    verdicts: tuple[VerdictForm, ...]


async def list_alerts(  # noqa: PLR0913 - each argument is a parameter of the query
    request: Request,
    *,
    state: Annotated[list[State] | None, Query()] = None,
    kind: Annotated[list[Kind] | None, Query()] = None,
    series: Annotated[list[str] | None, Query(max_length=200)] = None,
    severity: Annotated[list[Severity] | None, Query()] = None,
    since: Moment = None,
    until: Moment = None,
    judged: Annotated[bool | None, Query()] = None,
    acknowledged: Annotated[bool | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    after: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """List alerts, the newest first. `since` and `until` are times (ISO 8601), or spans ago as in 7d."""
    parts = parts_of(request)
    now = await parts.alerts.now()
    which = Filter(
        states=tuple(state or ()),
        kinds=tuple(kind or ()),
        series=tuple(series or ()),
        severities=tuple(severity or ()),
        since=minute_of("since", since, now),
        until=minute_of("until", until, now),
        judged=judged,
        acknowledged=acknowledged,
    )
    place = None if after is None else place_of(_LIST, after)
    page = await parts.alerts.alerts(which, limit, place)
    return answer(
        request,
        PageForm(
            tuple(alert_form(alert, now) for alert in page.alerts),
            None if page.next is None else cursor(_LIST, page.next),
        ),
    )


async def _found(request: Request, name: str) -> Alert:
    alert = await parts_of(request).alerts.alert(name)
    if alert is None or alert.id != name:
        raise Refusal("not-found", f"no alert has the id {name}")
    return alert


async def show_alert(request: Request, alert: AlertId) -> Response:
    """Show an alert as it stands. Its ETag may be sent back as If-Match with what you do to it."""
    found = await _found(request, alert)
    return answer(request, alert_form(found, await parts_of(request).alerts.now()))


async def alert_evidence(request: Request, alert: AlertId) -> Response:
    """Show an alert's evidence, and each of its figures computed again."""
    found = await _found(request, alert)
    computed = tuple(
        ComputedForm(f.name, f.how, f.stored, f.computed, f.same)
        for f in again(figures(found.evidence))
    )
    return answer(request, EvidenceForm(found.id, document(found.evidence), computed))


async def alert_history(request: Request, alert: AlertId) -> Response:
    """Show all that happened to an alert, in order, and all that was said of it."""
    parts, found = parts_of(request), await _found(request, alert)
    history, said = await parts.alerts.history(alert), await parts.alerts.verdicts(alert)
    episode = episode_form(found, history, said, await parts.alerts.now())
    return answer(request, HistoryForm(found.id, episode.history, episode.verdicts))


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


async def judge_alert(request: Request, alert: AlertId) -> Response:
    """Say what an alert was. The last word of a person counts."""
    given, parts = await read(request, JudgeIn), parts_of(request)
    await _unchanged(request, alert)
    who = caller_of(request).owner
    done = await parts.alerts.judge(alert, given.judgement, given.reason, who)
    if isinstance(done, str):
        raise Refusal("not-found", f"no alert has the id {alert}")
    return answer(request, alert_form(done, await parts.alerts.now()))


async def link_alert(request: Request, alert: AlertId) -> Response:
    """Make a signed link by which the alert can be acknowledged in your name, for a message."""
    given, parts = await read(request, LinkIn), parts_of(request)
    await _found(request, alert)
    expires = parts.clock.wall() // 1000 + given.seconds
    allowed = Allowed("acknowledge", alert, expires, caller_of(request).owner)
    base = parts.settings.public_url.rstrip("/")
    url = f"{base}/a/{signed(allowed, parts.link_keys)}"
    return answer(request, LinkForm(url, iso(expires * 1000)), status=201)


async def _acted(
    request: Request, name: str, action: Action, comment: str, until: int | None = None
) -> Response:
    parts = parts_of(request)
    await _unchanged(request, name)
    done = await parts.alerts.act(name, action, caller_of(request).owner, comment, until)
    if done == "unknown alert":
        raise Refusal("not-found", f"no alert has the id {name}")
    if isinstance(done, str):
        raise Refusal("conflict", f"{name} is {done}")
    return answer(request, alert_form(done, await parts.alerts.now()))


async def _unchanged(request: Request, name: str) -> None:
    """Hold If-Match, where it is sent, against the alert as it stands."""
    if "if-match" not in request.headers:
        return
    now = await parts_of(request).alerts.now()
    found = await _found(request, name)
    matched(request, tag_of(msgspec.json.encode(alert_form(found, now))))


_A: Final = f"{V1}/alerts"
_ONE: Final = f"{_A}/{{alert}}"
OPERATIONS: Final = (
    Operation("GET", _A, list_alerts, "alerts", PageForm),
    Operation("GET", _ONE, show_alert, "alerts", AlertForm, more=(404,)),
    Operation("GET", f"{_ONE}/evidence", alert_evidence, "alerts", EvidenceForm, more=(404,)),
    Operation("GET", f"{_ONE}/history", alert_history, "alerts", HistoryForm, more=(404,)),
    *(
        Operation(
            "POST", f"{_ONE}/{path}", call, "alerts", AlertForm, takes,
            more=(404, 409, 412), needs_body=takes is JudgeIn,
        )
        for path, call, takes in (
            ("acknowledge", acknowledge_alert, ActIn),
            ("silence", silence_alert, SilenceAlertIn),
            ("resolve", resolve_alert, ActIn),
            ("judge", judge_alert, JudgeIn),
        )
    ),
    Operation(
        "POST", f"{_ONE}/link", link_alert, "alerts", LinkForm, LinkIn,
        status=201, more=(404,), needs_body=False,
    ),
)  # fmt: skip
