"""`groundswell mcp`: what language models can read, through the protocol itself."""

import json
import sys
from contextlib import asynccontextmanager

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("mcp", reason="needs the extra `mcp`")

from mcp import Client, StdioServerParameters

from consumers.web.core.untrusted import MARK, marked
from consumers.web.tools import Tools, server_of
from tests.records_world import ID
from tests.serving import Serving
from tests.web_world import HOSTILE, web_of

EVIDENCE = msgspec.json.encode(
    {
        "stories": [
            {"title": HOSTILE, "source": "wire", "url": "https://x.test", "words": [["run", 1]]}
        ]
    }
)


async def called(client, name, **arguments):
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    return json.loads(result.content[0].text)


@asynccontextmanager
async def reading():
    async with web_of() as web:
        await web.fire(evidence=EVIDENCE)
        tools = Tools(web.records, web.parts.counts, web.parts.clock)
        async with Client(server_of(tools)) as opened:
            yield opened


async def test_every_tool_only_reads_and_is_described():
    async with reading() as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == {
            "list_topics",
            "list_series",
            "series_counts",
            "series_stories",
            "list_alerts",
            "show_alert",
        }
        assert all(tool.annotations.read_only_hint and tool.description for tool in tools)
        assert MARK in (client.instructions or "")


async def test_alerts_come_with_their_evidence_and_crawled_texts_are_marked():
    async with reading() as client:
        listed = await called(client, "list_alerts", state="firing")
        assert [one["id"] for one in listed["alerts"]] == [ID]
        assert "evidence" not in listed["alerts"][0]
        shown = await called(client, "show_alert", alert=ID)
        (story,) = shown["alert"]["evidence"]["stories"]
        assert set(story["title"]) == {MARK}
        assert "\x1b" not in story["title"][MARK]
        assert story["source"] == {MARK: "wire"}
        assert story["words"] == [[{MARK: "run"}, 1]]
        assert [line["after"] for line in shown["history"]] == ["firing"]
        assert "error" in await called(client, "show_alert", alert="none")


async def test_series_that_nobody_counted_are_empty():
    async with reading() as client:
        assert await called(client, "list_topics") == {"series": [], "left_out": 0}
        assert (await called(client, "series_stories", series="topic:x"))["stories"] == []
        counts = await called(client, "series_counts", series="topic:x", level="day", cells=3)
        assert (counts["cells"], counts["since"]) == ([], "2023-11-12T00:00:00Z")
        assert "items" in counts["definitions"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["title", "source", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values)
def test_no_crawled_text_stands_unmarked(value):
    def walk(held, crawled):
        if isinstance(held, dict):
            for name, inner in held.items():
                walk(inner, crawled=name in {"title", "source"} if name != MARK else False)
        elif isinstance(held, list):
            for inner in held:
                walk(inner, crawled)
        else:
            assert not (crawled and isinstance(held, str))

    walk(marked(value), crawled=False)


async def test_the_program_speaks_the_protocol_on_stdin_and_stdout(tmp_path):
    serving = Serving(tmp_path)
    serving.key()  # makes the records
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "groundswell.cli", "mcp"], env=serving.environment
    )
    async with Client(parameters) as opened:
        assert (await called(opened, "list_alerts"))["alerts"] == []
        assert opened.server_info
        assert opened.server_info.name == "groundswell"
