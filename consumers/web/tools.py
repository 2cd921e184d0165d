"""
The tools of `groundswell mcp`: the queries of the API for language models, read-only.

Rules: nothing here changes anything. Answers are bounded, and crawled texts in them are marked (see
``core/untrusted.py``). What cannot be answered is said in a sentence.
"""

from typing import Annotated, Any, Literal

import msgspec
from mcp.server import MCPServer
from mcp.types import ToolAnnotations
from pydantic import Field

from consumers.ports import Clock
from consumers.records.alerts import State
from consumers.records.desk.figures import again, figures
from consumers.records.desk.forms import alert_form, episode_form
from consumers.records.desk.moments import MINUTE_MS, iso
from consumers.records.ports import AlertReader, Filter
from consumers.web.core.series import DEFINITIONS, MINUTES, Level, first_bucket, forms
from consumers.web.core.untrusted import INSTRUCTIONS, marked
from consumers.web.ports import Counts
from groundswell import __version__

MOST_SERIES = 500
READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
Limit = Annotated[int, Field(ge=1, le=100, description="How many at most.")]
Name = Annotated[str, Field(max_length=600, description="As in topic:rates, entity:… or scheme:….")]


class Tools:
    """The queries over what is counted and on record."""

    def __init__(self, alerts: AlertReader, counts: Counts, clock: Clock) -> None:
        self._alerts = alerts
        self._counts = counts
        self._clock = clock

    async def list_topics(self) -> dict[str, Any]:
        """List the topics that are counted, each with the newest minute in which it counted."""
        return await self.list_series("topic:")

    async def list_series(
        self,
        prefix: Annotated[str, Field(max_length=600, description="As in entity: or scheme:.")] = "",
    ) -> dict[str, Any]:
        """List series by name, each with the newest minute in which it counted."""
        held = await self._counts.series()
        names = sorted(name for name in held if name.startswith(prefix))
        shown = [{"name": n, "newest": iso(held[n] * MINUTE_MS)} for n in names[:MOST_SERIES]]
        return _told({"series": shown, "left_out": len(names) - len(shown)})

    async def series_counts(
        self,
        series: Name,
        level: Annotated[Level, Field(description="minute, hour or day.")] = "hour",
        cells: Annotated[int, Field(ge=1, le=1000, description="How many, up to now.")] = 24,
    ) -> dict[str, Any]:
        """Count a series by minute, hour or day up to now; where a cell is left out, all of it is 0."""
        last = first_bucket(level, self._clock.wall())
        found = await self._counts.cells([series], level, last - cells + 1, last)
        return _told(
            {
                "series": series,
                "level": level,
                "since": iso((last - cells + 1) * MINUTES[level] * MINUTE_MS),
                "cells": forms(level, found.get(series, {})),
                "definitions": DEFINITIONS,
            }
        )

    async def series_stories(self, series: Name, limit: Limit = 20) -> dict[str, Any]:
        """List the newest negative stories of a series."""
        last = self._clock.wall() // MINUTE_MS
        return _told({"stories": await self._counts.stories(series, 0, last, limit)})

    async def list_alerts(
        self,
        state: Annotated[
            Literal["firing", "recovering", "resolved"] | None, Field(description="Of any state.")
        ] = None,
        series: Annotated[str | None, Field(max_length=600)] = None,
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """List alerts, the newest first, without their evidence: `show_alert` has that."""
        states: tuple[State, ...] = () if state is None else (state,)
        which = Filter(states=states, series=() if series is None else (series,))
        page, now = await self._alerts.alerts(which, limit), await self._alerts.now()
        shown = [msgspec.to_builtins(alert_form(alert, now)) for alert in page.alerts]
        for one in shown:
            del one["evidence"]
        return _told({"alerts": shown, "more": page.next is not None})

    async def show_alert(
        self, alert: Annotated[str, Field(max_length=60, description="Its id.")]
    ) -> dict[str, Any]:
        """Show an alert: state, history, evidence with its stories, each figure computed again."""
        found = await self._alerts.alert(alert.strip().lower())
        if found is None:
            return {"error": "no alert has that id"}
        history, said = await self._alerts.history(found.id), await self._alerts.verdicts(found.id)
        episode = episode_form(found, history, said, await self._alerts.now())
        computed = [
            {"name": f.name, "how": f.how, "stored": f.stored, "computed": f.computed}
            for f in again(figures(found.evidence))
        ]
        return _told({**msgspec.structs.asdict(episode), "computed_again": computed})


def server_of(tools: Tools) -> MCPServer[Any]:
    """Return the server over its tools."""
    server: MCPServer[Any] = MCPServer(
        "groundswell", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )
    for tool in (
        tools.list_topics,
        tools.list_series,
        tools.series_counts,
        tools.series_stories,
        tools.list_alerts,
        tools.show_alert,
    ):
        server.add_tool(tool, annotations=READS)
    return server


def _told(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = marked(msgspec.to_builtins(value))
    return found
