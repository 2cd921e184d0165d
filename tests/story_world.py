"""Small builders for tests of stories: items to ask about, with few words."""

from consumers.news.core.sketch import sketch_of
from consumers.news.core.stories import HOUR_MS, Told
from groundswell.events import Origin

T0 = 1_767_600_000_000
HOUR = HOUR_MS

WIRE = "Norvik Shipping wins ten-year charter for three gas carriers"
OTHER = "Central bank leaves its key rate at 3.25 percent, sees inflation near target"
BODY = (
    "Norvik Shipping said on Monday that it had won a charter of ten years for three of its gas "
    "carriers from Ostmark Energy, which will pay 84,000 dollars a day for each of the vessels from "
    "March on. The company expects the contract to add 92 million dollars a year to its sales and "
    "lifted its outlook. Analysts at Brandt and Lowe called the terms generous. The vessels were "
    "built in Ulsan in 2023 and have sailed in the spot market since then."
)


def told(  # noqa: PLR0913 # a builder: each has a default
    offset,
    title=WIRE,
    body="",
    *,
    at=None,
    tone="neutral",
    series=("all", "topic:deals"),
    source="Harbour Wire",
    partition=0,
    topic_id="n",
):
    origin = Origin(
        topic="news", topic_id=topic_id, partition=partition, offset=offset, after=offset - 1
    )
    arrived = T0 + offset * 1000 if at is None else at
    return Told(origin, arrived, sketch_of(title, body, source), series, tone)
