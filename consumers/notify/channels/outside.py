"""
The way out: one HTTP request to an address that was checked.

Rules: the name is looked up once, every address that it has is checked, and the connection goes to one of
those very addresses, with the name in Host and in the TLS handshake: a name that changes its address
between check and use (DNS rebinding) gains nothing. No redirects, no proxies from the environment, no
cookies, no connection is used twice; 15 seconds for everything; 4 KB of the answer are read.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

import httpx

from consumers.notify.core.addresses import Network, bad_url, odd_host, refusal
from consumers.notify.core.answers import Answer

SECONDS: Final = 15.0
ANSWER_BYTES: Final = 4096
AGENT: Final = "Groundswell-Notify/1"
_PHASES: Final = ("connect", "read", "write", "pool")

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, in the order of preference."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Outside:
    """Posts to checked addresses; ``allowed`` are networks that the operator names."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        lookup: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._allowed = allowed
        self._lookup = lookup
        self._trust = trust or ssl.create_default_context()
        self._seconds = seconds

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post once; every failure is an answer."""
        wrong = bad_url(url)
        if wrong is not None:
            return Answer(None, error=f"refused: {wrong}", refused=True)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url, body, headers)
        except TimeoutError:
            return Answer(None, error=f"no answer within {self._seconds:g} s")
        except (httpx.InvalidURL, ValueError):
            return Answer(None, error="refused: it is no URL", refused=True)
        except httpx.HTTPError as error:
            return Answer(None, error=f"{type(error).__name__}"[:200])
        except (OSError, UnicodeError) as error:
            return Answer(None, error=f"cannot be reached ({type(error).__name__})")

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        target = httpx.URL(url)
        host = target.raw_host.decode("ascii")
        wrong = odd_host(host)
        if wrong is not None:
            return Answer(None, error=f"refused: {wrong}", refused=True)
        port = target.port or (443 if target.scheme == "https" else 80)
        addresses = await self._lookup(host, port)
        for address in addresses:
            why = refusal(address, self._allowed)
            if why is not None:
                return Answer(None, error=f"refused: {why}", refused=True)
        if not addresses:
            return Answer(None, error="its name has no address")
        if target.scheme != "https" and not self._named(addresses):
            return Answer(None, error="refused: it must begin with https://", refused=True)
        request = httpx.Request(
            "POST",
            target.copy_with(host=addresses[0]),
            headers={
                "Host": target.netloc.decode("ascii"),
                "User-Agent": AGENT,
                "Content-Type": "application/json",
                "Connection": "close",
                **headers,
            },
            content=body,
            extensions={"sni_hostname": host, "timeout": dict.fromkeys(_PHASES, self._seconds)},
        )
        return await self._call(request)

    def _named(self, addresses: Sequence[str]) -> bool:
        """Say whether the operator has named the network of every address."""
        return all(
            any(ipaddress.ip_address(a.partition("%")[0]) in network for network in self._allowed)
            for a in addresses
        )

    async def _call(self, request: httpx.Request) -> Answer:
        async with httpx.AsyncHTTPTransport(verify=self._trust, trust_env=False) as transport:
            response = await transport.handle_async_request(request)
            try:
                body = b""
                async for part in response.aiter_raw(ANSWER_BYTES):
                    body += part
                    if len(body) >= ANSWER_BYTES:
                        break
            finally:
                await response.aclose()
        return Answer(
            response.status_code, body[:ANSWER_BYTES], response.headers.get("retry-after", "")
        )
