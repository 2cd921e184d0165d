"""`groundswell keys` in process."""

import pytest

from consumers.records.access.memory import MemoryAccess
from consumers.web.core.keys import hashed
from consumers.web.keys_commands import run_create, run_list, run_revoke
from groundswell.errors import InputError
from tests.records_world import T0


@pytest.fixture
def access():
    return MemoryAccess(lambda: T0)


@pytest.mark.parametrize(
    ("owner", "role", "scopes", "says"),
    [
        ("ann", "king", (), "--role king: must be one of viewer"),
        ("ann", "viewer", ("all",), "--scope all: must be one of"),
        ("ann", "viewer", ("alerts:act",), "a key of role viewer cannot have it"),
        (" ", "viewer", (), "OWNER: 1 to 200"),
        ("x" * 201, "viewer", (), "OWNER: 1 to 200"),
    ],
)
async def test_a_key_that_cannot_be_meant_is_not_made(access, capsys, owner, role, scopes, says):
    with pytest.raises(InputError, match=says):
        await run_create(access, owner, role, scopes, 30)
    assert await run_list(access, as_json=False) == 0
    assert "no key yet" in capsys.readouterr().out


async def test_a_key_is_printed_once_and_only_its_hash_is_kept(access, capsys):
    assert await run_create(access, "feed", "analyst", ("news:write",), 30) == 0
    said = capsys.readouterr()
    text = said.out.strip()
    (kept,) = await access.keys()
    assert (kept.hashed, kept.expires) == (hashed(text), T0 + 30 * 86_400_000)
    assert text not in said.err
    assert await run_list(access, as_json=True) == 0
    listed = capsys.readouterr().out
    assert '"scopes":["news:write"]' in listed
    assert text.rpartition("_")[2] not in listed
    assert await run_revoke(access, kept.id) == 0
    assert await run_revoke(access, "00000000") == 1
    assert [line.action for _, line in await access.audited()] == [
        "revoke_key",
        "revoke_key",
        "create_key",
    ]
