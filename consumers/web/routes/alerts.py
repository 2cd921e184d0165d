"""Alerts: list, show, evidence, history."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import Path, Query, Request, Response

from consumers.records.alerts import Alert, Kind, Severity, State
from consumers.records.desk.figures import again, document, figures
from consumers.records.desk.forms import (
    AlertForm,
    LineForm,
    PageForm,
    VerdictForm,
    alert_form,
    episode_form,
)
from consumers.records.desk.moments import minute_of
from consumers.records.ports import Filter
from consumers.web.answers import answer
from consumers.web.core.pages import cursor, place_of
from consumers.web.core.problems import Refusal
from consumers.web.operations import V1, Operation
from consumers.web.parts import parts_of

AlertId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}-[0-9]{1,12}$")]
Moment = Annotated[str | None, Query(max_length=40)]
_LIST: Final = "alerts"


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
    assigned: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
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
        assigned=assigned,
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


async def alert_of(request: Request, name: str) -> Alert:
    """Return the alert of an address. Raises ``Refusal``."""
    alert = await parts_of(request).alerts.alert(name)
    if alert is None or alert.id != name:
        raise Refusal("not-found", f"no alert has the id {name}")
    return alert


async def show_alert(request: Request, alert: AlertId) -> Response:
    """Show an alert as it stands. Its ETag may be sent back as If-Match with what you do to it."""
    found = await alert_of(request, alert)
    return answer(request, alert_form(found, await parts_of(request).alerts.now()))


async def alert_evidence(request: Request, alert: AlertId) -> Response:
    """Show an alert's evidence, and each of its figures computed again."""
    found = await alert_of(request, alert)
    computed = tuple(
        ComputedForm(f.name, f.how, f.stored, f.computed, f.same)
        for f in again(figures(found.evidence))
    )
    return answer(request, EvidenceForm(found.id, document(found.evidence), computed))


async def alert_history(request: Request, alert: AlertId) -> Response:
    """Show all that happened to an alert, in order, and all that was said of it."""
    parts, found = parts_of(request), await alert_of(request, alert)
    history, said = await parts.alerts.history(alert), await parts.alerts.verdicts(alert)
    episode = episode_form(found, history, said, await parts.alerts.now())
    return answer(request, HistoryForm(found.id, episode.history, episode.verdicts))


ALERTS: Final = f"{V1}/alerts"
ONE: Final = f"{ALERTS}/{{alert}}"
OPERATIONS: Final = (
    Operation("GET", ALERTS, list_alerts, "alerts", PageForm),
    Operation("GET", ONE, show_alert, "alerts", AlertForm, more=(404,)),
    Operation("GET", f"{ONE}/evidence", alert_evidence, "alerts", EvidenceForm, more=(404,)),
    Operation("GET", f"{ONE}/history", alert_history, "alerts", HistoryForm, more=(404,)),
)
