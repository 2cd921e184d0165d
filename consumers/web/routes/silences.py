"""Silences: what is not told to anybody for a while, by whom and why."""

from typing import Annotated, Final

import msgspec
from fastapi import Path, Query, Request, Response
from msgspec import Meta

from consumers.records.alerts import Alert, Kind, Severity, Transition
from consumers.records.desk.moments import MINUTE_MS, iso, moment_of
from consumers.records.notices.values import Matcher, Silence
from consumers.web.answers import answer, empty, read
from consumers.web.core.problems import Refusal
from consumers.web.operations import V1, Operation
from consumers.web.parts import caller_of, parts_of

WEEK_MS: Final = 7 * 86_400_000
MOST: Final = 500
"""Alerts and transitions of a preview at most, each."""
_T: Final = "silences"
_Moment = Annotated[str, Meta(max_length=40)]


class SilenceIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All alerts that every matcher matches; ``start`` (now) and ``end`` are times (ISO 8601)."""

    matchers: Annotated[tuple[Matcher, ...], Meta(min_length=1, max_length=20)]
    end: _Moment
    start: _Moment | None = None
    comment: Annotated[str, Meta(max_length=2000)] = ""


class SilenceForm(msgspec.Struct, frozen=True):
    """A silence."""

    id: str
    matchers: tuple[Matcher, ...]
    start: str
    end: str
    author: str
    comment: str


class HiddenAlertForm(msgspec.Struct, frozen=True):
    """An alert that goes on and would be silent."""

    alert: str
    kind: Kind
    series: str
    about: str
    severity: Severity
    state: str
    opened: str


class HiddenTransitionForm(msgspec.Struct, frozen=True):
    """What an alert did, with the severity that it had then."""

    at: str
    alert: str
    series: str
    severity: Severity
    action: str
    before: str
    after: str


class SilencePreviewForm(msgspec.Struct, frozen=True):
    """
    What a silence would hide now, by alert, and would have matched in the last seven days, the newest first.

    Of each at most 500, out of ``open_total`` and ``transitions_total``; ``transitions_seen`` counts all that
    alerts did in that time.
    """

    open: tuple[HiddenAlertForm, ...]
    open_total: int
    transitions: tuple[HiddenTransitionForm, ...]
    transitions_total: int
    transitions_seen: int


class SilencesForm(msgspec.Struct, frozen=True):
    """Silences by their start."""

    silences: tuple[SilenceForm, ...]


async def list_silences(
    request: Request, ended: Annotated[bool, Query(description="Those of the last 30 days too.")] = False,  # noqa: FBT002
) -> Response:  # fmt: skip
    """List the silences that have not ended."""
    notices = parts_of(request).notices
    now = await notices.now()
    held = await notices.silences(now - 30 * 86_400_000 if ended else now)
    return answer(request, SilencesForm(tuple(map(_form, held))))


async def create_silence(request: Request) -> Response:
    """Silence alerts, at most 30 days."""
    silence = await _meant(request)
    await parts_of(request).notices.put_silence(silence)
    request.state.target = silence.id
    return answer(request, _form(silence), status=201)


async def preview_silence(request: Request) -> Response:
    """Say what a silence would hide of the alerts that go on, and of the last seven days; makes none."""
    silence, parts = await _meant(request), parts_of(request)
    found = parts.rules.hidden(
        silence,
        await parts.notices.going_on(),
        await parts.notices.told_since(await parts.notices.now() - WEEK_MS),
    )
    return answer(
        request,
        SilencePreviewForm(
            tuple(map(_hidden, found.open[:MOST])),
            len(found.open),
            tuple(_matched(*one) for one in reversed(found.transitions[-MOST:])),
            len(found.transitions),
            found.of,
        ),
    )


async def _meant(request: Request) -> Silence:
    """Return the silence that a body asks for. Raises ``Refusal``."""
    given, parts = await read(request, SilenceIn), parts_of(request)
    now = await parts.notices.now()
    silence = Silence(
        parts.rules.new_id(),
        given.matchers,
        now if given.start is None else moment_of("start", given.start, now),
        moment_of("end", given.end, now),
        caller_of(request).owner,
        given.comment,
    )
    faults = parts.rules.silence_faults(silence)
    if silence.end <= now:
        faults += ("end: must lie in the future",)
    if faults:
        raise Refusal("invalid", "the silence cannot be meant", errors=faults)
    return silence


async def end_silence(
    request: Request, silence: Annotated[str, Path(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]
) -> Response:
    """End a silence now; alerts that it hid and that go on are told at once."""
    notices = parts_of(request).notices
    now = await notices.now()
    for one in await notices.silences(now):
        if one.id == silence:
            await notices.put_silence(msgspec.structs.replace(one, end=max(now, one.start)))
            return empty()
    raise Refusal("not-found", f"no silence with the id {silence} goes on")


def _form(one: Silence) -> SilenceForm:
    return SilenceForm(one.id, one.matchers, iso(one.start), iso(one.end), one.author, one.comment)


def _hidden(one: Alert) -> HiddenAlertForm:
    opened = iso(one.opened * MINUTE_MS)
    return HiddenAlertForm(one.id, one.kind, one.series, one.about, one.severity, one.state, opened)


def _matched(line: Transition, left: Alert) -> HiddenTransitionForm:
    return HiddenTransitionForm(
        iso(line.at), left.id, left.series, left.severity, line.action, line.before, line.after
    )


_S: Final = f"{V1}/silences"
OPERATIONS: Final = (
    Operation("GET", _S, list_silences, _T, SilencesForm),
    Operation("POST", _S, create_silence, _T, SilenceForm, SilenceIn, status=201),
    Operation("POST", f"{V1}/previews/silence", preview_silence, _T, SilencePreviewForm, SilenceIn),
    Operation("DELETE", f"{_S}/{{silence}}", end_silence, _T, status=204, more=(404,)),
)
