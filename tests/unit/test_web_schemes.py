"""Schemes through the API; and `count` follows them as it does those of the command."""

import pytest

from consumers.adapters.memory_counts import MemoryCounts
from consumers.adapters.redis_counts import retention_of
from consumers.counts.series import Series
from consumers.records.schemes import memory
from consumers.records.schemes.database import open_schemes
from consumers.records.schemes.late import LateSchemes
from consumers.series.commands import Desk, added
from groundswell.schemes import Scheme
from tests.records_world import T0
from tests.web_world import HOSTILE, SETTINGS, web_of

URL = "/api/v1/schemes"
OIL = {"name": "Oil Spill", "must": ["oil"], "any": ["spill", "石油"], "exclude": ["olive"]}


@pytest.fixture
async def web():
    async with web_of() as made:
        yield made


async def test_a_scheme_lives_from_post_to_delete(web):
    async with web.client("analyst") as client, web.client("viewer") as reader:
        made = await client.post(URL, json=OIL)
        assert made.status_code == 201, made.text
        assert made.headers["location"] == f"{URL}/oil-spill"
        held = made.json()
        assert held == {
            **OIL,
            "name": "oil-spill",
            "series": "scheme:oil-spill",
            "since": "2023-11-14T22:13:20Z",
        }
        assert (await reader.get(URL)).json() == {"schemes": [held]}
        for name in ("oil-spill", "Oil%20Spill"):
            assert (await reader.get(f"{URL}/{name}")).json() == held
        shown = await reader.get(f"{URL}/OIL SPILL")
        assert (shown.status_code, shown.json()) == (200, held)
        again = await reader.get(
            f"{URL}/oil-spill", headers={"If-None-Match": shown.headers["etag"]}
        )
        assert again.status_code == 304
        assert (await client.delete(f"{URL}/Oil Spill")).status_code == 204
        assert (await client.delete(f"{URL}/oil-spill")).status_code == 404
        assert (await reader.get(f"{URL}/oil-spill")).status_code == 404
        assert (await reader.get(URL)).json() == {"schemes": []}


async def test_the_same_again_changes_nothing_and_other_words_are_refused(web):
    async with web.client("analyst") as client:
        first = await client.post(URL, json=OIL)
        web.hand.at += 60_000
        again = await client.post(URL, json={**OIL, "name": "oil-spill"})
        assert (again.status_code, again.json()) == (200, first.json())
        other = await client.post(URL, json={**OIL, "must": ["gas"]})
        assert other.status_code == 409
        assert other.headers["content-type"] == "application/problem+json"
        assert "oil-spill with other words: drop it" in other.json()["detail"]
        (held,) = (await client.get(URL)).json()["schemes"]
        assert held["must"] == ["oil"]
        await client.delete(f"{URL}/oil-spill")
        assert (await client.post(URL, json={**OIL, "must": ["gas"]})).status_code == 201


async def test_a_name_in_any_script_can_be_followed_to_its_place(web):
    async with web.client("analyst") as client:
        place = (await client.post(URL, json={**OIL, "name": "石油 泄漏"})).headers["location"]
        assert (await client.get(place)).json()["series"] == "scheme:石油-泄漏"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"name": "oil"}, "looks for nothing"),
        ({"name": "oil", "exclude": ["x"]}, "looks for nothing"),
        ({"name": "a:b", "must": ["x"]}, "cannot be used"),
        ({"name": HOSTILE, "must": ["x"]}, "cannot be used"),
        ({"name": "", "must": ["x"]}, "length"),
        ({"name": "x" * 65, "must": ["x"]}, "length"),
        ({"name": "oil", "must": ["..."]}, "must hold a letter or digit"),
        ({"name": "oil", "must": ["x" * 65]}, "length"),
        ({"name": "oil", "must": ["x"] * 33}, "length"),
        ({"name": "oil", "must": ["x"] * 20, "any": ["y"] * 20}, "40 terms, at most 32"),
        ({"name": "oil", "must": "x"}, "Expected"),
        ({"name": "oil", "must": ["x"], "owner": "eve"}, "unknown field"),
    ],
)
async def test_what_the_command_refuses_is_refused(web, body, says):
    async with web.client("admin") as client:
        refused = await client.post(URL, json=body)
        assert refused.status_code == 422
        assert says in refused.json()["detail"]
        assert (await client.get(URL)).json() == {"schemes": []}
        assert (await client.get(f"{URL}/a:b")).status_code == 404
        assert (await client.delete(f"{URL}/a:b")).status_code == 404


async def test_when_there_are_as_many_as_are_kept_one_more_is_refused(web, monkeypatch):
    monkeypatch.setattr(memory, "SCHEMES", 2)
    async with web.client("analyst") as client:
        for name in ("a", "b"):
            assert (await client.post(URL, json={**OIL, "name": name})).status_code == 201
        full = await client.post(URL, json={**OIL, "name": "c"})
        assert (full.status_code, "drop one first" in full.json()["detail"]) == (409, True)
        assert (await client.post(URL, json={**OIL, "name": "a"})).status_code == 200


async def test_who_did_what_is_in_the_audit_log(web):
    async with web.client("analyst") as client, web.client("viewer") as reader:
        await client.post(URL, json=OIL)
        assert (await reader.post(URL, json=OIL)).status_code == 403
        assert (await reader.delete(f"{URL}/oil-spill")).status_code == 403
        await client.delete(f"{URL}/oil-spill")
    async with web.client("admin") as admin:
        lines = (await admin.get("/api/v1/audit")).json()["audit"]
    told = [(li["actor"], li["action"], li["target"], li["outcome"]) for li in reversed(lines)]
    assert told == [
        ("ana", "create_scheme", "oil-spill", "201"),
        ("vie", "create_scheme", "", "403"),
        ("vie", "drop_scheme", "oil-spill", "403"),
        ("ana", "drop_scheme", "oil-spill", "204"),
    ]


@pytest.fixture
async def recorded(tmp_path):
    """The API over schemes in a file; `count` reads the same."""
    url = f"sqlite:///{tmp_path}/records.db"
    async with web_of() as made:
        made.parts.schemes = await open_schemes(url)
        made.parts.schemes._wall = lambda _: T0
        late = LateSchemes(url)
        yield made, late, url
        await late.close()
        await made.parts.schemes.close()


async def test_count_follows_it_as_it_does_those_of_the_command(recorded):
    web, late, url = recorded
    counted, typed = (MemoryCounts(2, retention_of(SETTINGS)) for _ in range(2))
    async with web.client("analyst") as client:
        assert (await client.post(URL, json=OIL)).status_code == 201
        await Series(counted, 2).agree(late)
        await Series(counted, 2).agree(None)
        words = Scheme(("oil",), ("spill", "石油"), ("olive",))
        assert await added(Desk(typed, 2, url, make=False), "Oil Spill", words) == 0
        for shard in range(2):
            followed = (await counted.registry(shard)).series
            assert followed == (await typed.registry(shard)).series
            assert followed["scheme:oil-spill"].scheme == words

        await client.delete(f"{URL}/oil-spill")
        await client.post(URL, json={**OIL, "must": ["gas"]})
        await Series(counted, 2).agree(late)
        held = (await counted.registry(0)).series["scheme:oil-spill"]
        assert held.scheme
        assert held.scheme.must == ("gas",)
        await client.delete(f"{URL}/oil-spill")
        await Series(counted, 2).agree(late)
        await Series(counted, 2).agree(None)
        for shard in range(2):
            assert (await counted.registry(shard)).series == {}
