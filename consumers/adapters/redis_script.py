"""A Lua script: called by its hash, and sent as text to a server that does not know it."""

import hashlib
from typing import Any

import msgspec
from redis.exceptions import NoScriptError


class Script:
    """A Lua script and its hash."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 # Redis names scripts by it

    async def __call__(self, client: Any, names: list[str], *arguments: bytes) -> list[Any]:
        """Run the script, by its hash where the server knows it."""
        try:
            answer = await client.evalsha(self.sha, len(names), *names, *arguments)
        except NoScriptError:
            answer = await client.eval(self.text, len(names), *names, *arguments)
        return list(answer)


def raw(value: bytes) -> msgspec.Raw:
    """Bytes as a msgpack string of any bytes: the server's cmsgpack knows no type of its own for them."""
    return msgspec.Raw(b"\xdb" + len(value).to_bytes(4, "big") + value)
