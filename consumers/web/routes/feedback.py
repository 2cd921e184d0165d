"""Feedback: right or wrong alarm; the topic or sentiment that an item should have."""

from typing import Annotated, Final, get_args

import msgspec
from fastapi import Query, Request, Response
from msgspec import Meta

from consumers.records.access.values import ALARMS, FIELDS, About, Feedback, Field
from consumers.records.alerts import Judgement
from consumers.records.desk.moments import iso
from consumers.web.answers import answer, read
from consumers.web.core.pages import cursor, number_of
from consumers.web.core.problems import Refusal
from consumers.web.operations import V1, Operation
from consumers.web.parts import caller_of, parts_of
from groundswell.events import Sentiment

_LIST: Final = "feedback"
_WORTH: Final[dict[str, Judgement]] = {"right": "hit", "wrong": "miss"}


class FeedbackIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    ``target``: the id of an alert or of an item. ``label``: of ``alarm`` right or wrong, of ``sentiment``
    negative, neutral or positive, of ``topic`` the topic that it should be. ``bundle``: the model.
    """  # noqa: D205 - one sentence a field

    about: About
    target: Annotated[str, Meta(min_length=1, max_length=512)]
    field: Field
    label: Annotated[str, Meta(min_length=1, max_length=128)]
    bundle: Annotated[str, Meta(max_length=128)] = ""
    comment: Annotated[str, Meta(max_length=2000)] = ""


class FeedbackForm(msgspec.Struct, frozen=True):
    """A word of feedback, with its number."""

    number: int
    at: str
    about: str
    target: str
    field: str
    label: str
    bundle: str
    comment: str
    actor: str


class FeedbackPage(msgspec.Struct, frozen=True):
    """Feedback, the oldest first; ``next`` is where one reads on, also when nothing has come yet."""

    feedback: tuple[FeedbackForm, ...]
    next: str


class GivenForm(msgspec.Struct, frozen=True):
    """The number under which feedback is kept."""

    number: int


async def give_feedback(request: Request) -> Response:
    """Say whether an alarm was right, or what label an item should have; it is only ever added to."""
    given, parts = await read(request, FeedbackIn), parts_of(request)
    wrong = _fault(given)
    if wrong:
        raise Refusal("invalid", wrong)
    who = caller_of(request).owner
    if given.about == "alert":
        reason = given.comment or f"feedback: {given.label} alarm"
        done = await parts.alerts.judge(given.target, _WORTH[given.label], reason, who)
        if isinstance(done, str):
            raise Refusal("not-found", "no alert has that id")
    number = await parts.access.give_feedback(
        Feedback(
            given.about,
            given.target,
            given.field,
            given.label,
            who,
            given.bundle,
            given.comment,
        )
    )
    request.state.target = f"{given.about} {given.target}"
    return answer(request, GivenForm(number), status=201)


def _fault(given: FeedbackIn) -> str:
    """Say what is wrong with feedback; nothing: ""."""
    if given.field not in FIELDS[given.about]:
        return f"field: of an {given.about} one of {', '.join(FIELDS[given.about])}"
    labels = {"alarm": ALARMS, "sentiment": get_args(Sentiment)}.get(given.field)
    if labels is not None and given.label not in labels:
        return f"label: one of {', '.join(labels)}"
    return ""


async def list_feedback(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """List feedback, the oldest first: a trainer reads on from the last that it has."""
    begin = number_of(_LIST, after) or 0
    found = await parts_of(request).access.feedback(limit, begin)
    told = tuple(
        FeedbackForm(
            n, iso(f.at), f.about, f.target, f.field, f.label, f.bundle, f.comment, f.actor
        )
        for n, f in found
    )
    end = found[-1][0] if found else begin
    return answer(request, FeedbackPage(told, cursor(_LIST, str(end))))


OPERATIONS: Final = (
    Operation("GET", f"{V1}/feedback", list_feedback, "feedback", FeedbackPage),
    Operation(
        "POST", f"{V1}/feedback", give_feedback, "feedback", GivenForm, FeedbackIn,
        status=201, more=(404,),
    ),
)  # fmt: skip
