"""
The stories of a file of rows: `classify --stories`.

Rules: the rows are taken in their order, by the code of the online path, with stories in memory; a row's
time is its `arrived_at`, else its `published_at`; rows without either count as of one day. A story is
named for the row that began it: `row/0/` and its number, from 0, blank lines left out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from consumers.adapters.memory_stories import MemoryStories
from consumers.news.core.sketch import sketch_of
from consumers.news.core.stories import Told
from groundswell.events import Origin, millis
from groundswell.settings import Settings

TOPIC: Final = "row"


class RowStories:
    """Gives each labelled row its story; ``settings`` say for how long one is open."""

    def __init__(self, settings: Settings) -> None:
        self._stories = MemoryStories(settings.stories_hours, settings.stories_kept)

    def fields(
        self, number: int, row: Mapping[str, Any], said: Mapping[str, Any]
    ) -> dict[str, Any]:
        """
        Return `story` and `new_in` of row ``number``, of which the model ``said`` its labels.

        `new_in` goes by `all` and the topics said, in the tone said, as far as the bundle says them.
        """
        topics = (f"topic:{topic.label}" for topic in said.get("topics", ()))
        series = ("all", *dict.fromkeys(topics))
        tone = _tone(said.get("sentiment"))
        origin = Origin(topic=TOPIC, partition=0, offset=number, after=number - 1)
        title = row.get("title") if row.get("title") is not None else row.get("text")
        names = [name.text for name in said.get("entities", ())]
        sketch = sketch_of(title or "", row.get("body") or "", str(row.get("source") or ""), names)
        [place] = self._stories.place_now([Told(origin, _time(row), sketch, series, tone)])
        return {"story": place.story, "new_in": place.new_in}


def _tone(said: Any) -> str:
    label = said.get("label") if isinstance(said, Mapping) else getattr(said, "label", "")
    return str(label or "")


def _time(row: Mapping[str, Any]) -> int:
    """Return a row's time in ms; 0 where it has none that can be read."""
    for name in ("arrived_at", "published_at"):
        try:
            found = datetime.fromisoformat(row[name])
            return millis(found if found.tzinfo else found.replace(tzinfo=UTC))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
    return 0
