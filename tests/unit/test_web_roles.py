"""Who may do what: every operation of the application, for every role, and for nobody."""

import msgspec
import pytest
from fastapi.routing import APIRoute

from consumers.records.access.values import ApiKey
from consumers.web.build import OPERATIONS, bare
from consumers.web.core.access import BY_LINK, NEEDS, OF_ROLE, ROLES, unlisted
from consumers.web.core.keys import new_key
from tests.records_world import ID, T0
from tests.web_world import web_of

ROUTES = {str(route.operation_id): route for route in bare().routes if isinstance(route, APIRoute)}
PLACES = {
    "alert": ID,
    "series": "topic:rates",
    "subscription": "s1",
    "channel": "c1",
    "silence": "x",
    "scheme": "oil",
    "key": "ffffffff",
}


@pytest.fixture
async def web():
    async with web_of() as made:
        await made.fire()
        yield made


def request_of(operation: str) -> tuple[str, str]:
    route = ROUTES[operation]
    (method,) = sorted(route.methods or [])
    return method, route.path.replace(":path", "").format(**PLACES)


async def answer_to(client, operation: str) -> int:
    """The status of an operation; of a stream only its head is read."""
    method, path = request_of(operation)
    body: dict[str, str] | None = {} if method in {"POST", "PUT"} else None
    if operation in {"stream_alerts", "live_counts"}:
        path += "?after=999"  # past the end: a conflict, or for live counts nothing that is read
    response = await client.request(method, path, json=body)
    return int(response.status_code)


def test_every_route_is_in_the_table_and_the_other_way_round():
    assert unlisted(ROUTES) == ()
    assert set(ROUTES) == set(NEEDS) | BY_LINK == {one.id for one in OPERATIONS}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_do_what_the_table_says_and_nothing_else(web, role):
    async with web.client(role) as client:
        told = {name: await answer_to(client, name) for name in NEEDS if name != "live_counts"}

    may = {name for name in told if NEEDS[name] in OF_ROLE[role]}
    assert {name for name, status in told.items() if status != 403} == may
    assert {told[name] for name in may} <= {200, 201, 202, 204, 404, 409, 422, 428}


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_look_at_series_may_look_at_live_counts(web, role):
    web.parts.live.stopped = True  # the stream ends with its head
    async with web.client(role) as client:
        assert (await client.get("/api/v1/live")).status_code == 200


async def test_nobody_gets_in_without_a_key(web):
    async with web.client(None) as client:
        for operation in NEEDS:
            response = await client.request(*request_of(operation))
            assert response.status_code == 401, operation
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("scopes", [("alerts:read",), ("news:write",)])
async def test_a_key_can_be_narrowed(web, scopes):
    made = new_key(b"\7" * 36)
    await web.parts.access.add_key(ApiKey(made.id, made.hashed, "feed", "analyst", scopes))
    async with web.client(None) as client:
        client.headers["Authorization"] = f"Bearer {made.text}"
        for operation in sorted(set(NEEDS) - {"live_counts"}):
            denied = await answer_to(client, operation) == 403
            assert denied == (NEEDS[operation] not in scopes), operation


@pytest.mark.parametrize(
    "spoiled",
    [
        "",
        "Basic abc",
        "Bearer",
        "Bearer gsw_00000001_short",
        "Bearer {}x",
        "Bearer x{}",
        "Token {}",
    ],
)
async def test_what_is_no_key_is_refused(web, spoiled):
    headers = {"Authorization": spoiled.format(web.keys["admin"])} if spoiled else {}
    async with web.client(None) as client:
        response = await client.get("/api/v1/alerts", headers=headers)
    assert response.status_code == 401


async def test_another_keys_id_does_not_help(web):
    viewer, admin = web.keys["viewer"], web.keys["admin"]
    crossed = admin[:13] + viewer[13:]
    async with web.client(None) as client:
        response = await client.get("/api/v1/keys", headers={"Authorization": f"Bearer {crossed}"})
    assert response.status_code == 401


async def test_revoked_and_expired_keys_open_nothing(web):
    made = new_key(b"\7" * 36)
    await web.parts.access.add_key(ApiKey(made.id, made.hashed, "bob", "viewer", expires=T0 + 1000))
    async with web.client(None) as client, web.client("admin") as admin:
        client.headers["Authorization"] = f"Bearer {made.text}"
        assert (await client.get("/api/v1/alerts")).status_code == 200
        assert (await admin.delete(f"/api/v1/keys/{made.id}")).status_code == 204
        assert (await client.get("/api/v1/alerts")).status_code == 401
        web.parts.access._keys[made.id] = msgspec.structs.replace(
            web.parts.access._keys[made.id], revoked=None
        )
        web.hand.at = T0 + 1000
        assert (await client.get("/api/v1/alerts")).status_code == 401
