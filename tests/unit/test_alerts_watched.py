"""An alert that `watch` itself raised and ended, read through the command line."""

import asyncio
import re
from typing import Any

from consumers.records.database import open_records
from tests.desk_world import Desk
from tests.watch_loop_world import HOURS, SURGE, World


async def watched(url: str) -> None:
    """Let the loop decide a day, a surge of an hour in it, and what follows."""
    world = World()
    records: Any = await open_records(url)
    records._wall = lambda _connection: world.clock.wall()
    world.records = records
    await world.until(SURGE + 240, world.process("one"))
    await records.close()


def test_what_watch_raised_is_listed_shown_and_counted(tmp_path, capsys, monkeypatch):
    url = f"sqlite:///{tmp_path}/r.db"
    asyncio.run(watched(url))
    capsys.readouterr()  # what it logged
    desk = Desk(url, None, [], None, capsys, monkeypatch)

    (alert,) = desk.json("list", "--kind", "surge")["alerts"]
    assert alert["series"] == "topic:rates"
    assert alert["state"] == "resolved"
    out = desk.run("show", alert["id"])[1]
    assert "✗" not in out
    assert len(re.findall("✓ as stored", out)) == 5
    assert "1. bad news of topic:rates" in out
    assert [line["after"] for line in desk.json("show", alert["id"])["history"]][-1] == "resolved"

    desk.run("judge", alert["id"], "miss", "--reason", "a test", "--as", "ann")
    alarms = desk.json("quality")["false_alarms"]
    # A first start decides a day, of whose first batch only the last minute is known.
    assert alarms["days"] == (HOURS * 60 - 59) / 1440
    assert alarms["budgeted"] == alarms["days"]
    assert alarms["observed"] == 1
