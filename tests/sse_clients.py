"""Clients of the stream of alerts, many in one process: they read, leave at random, and come back."""

import asyncio
import random
from dataclasses import dataclass, field


@dataclass
class Client:
    """One client: the numbers that it was told, and from which on it listened."""

    port: int
    key: str
    chance: random.Random
    leave: float
    """Chance of leaving after each event; 0: never."""
    began: int | None = None
    told: list[int] = field(default_factory=list)
    connects: int = 0
    refused: int = 0

    @property
    def last(self) -> int | None:
        return self.told[-1] if self.told else self.began

    async def run(self, until: asyncio.Event, final: list[int]) -> None:
        """Follow until the final number is told."""
        while not (until.is_set() and final and self.last is not None and self.last >= final[0]):
            try:
                await self._follow(until, final)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await asyncio.sleep(self.chance.uniform(0.05, 0.3))

    async def _follow(self, until: asyncio.Event, final: list[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = (
                f"GET /api/v1/alerts/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.key}"
            )
            if self.last is not None:
                head += f"\r\nLast-Event-ID: {self.last}"
            writer.write(f"{head}\r\n\r\n".encode())
            status = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
            if status != b"200":
                self.refused += 1
                await asyncio.sleep(self.chance.uniform(0.1, 0.5))
                return
            self.connects += 1
            async for event in events(reader):
                if event.get("event") == "ready":
                    self.began = int(event["id"]) if self.began is None else self.began
                elif event.get("event") == "transition":
                    self.told.append(int(event["id"]))
                    if self.leave and self.chance.random() < self.leave:
                        return
                if until.is_set() and final and (self.last or 0) >= final[0]:
                    return
        finally:
            writer.transport.abort()


async def events(reader: asyncio.StreamReader):
    """Yield events, and an empty one for each comment; the answer comes in chunks (RFC 9112, 7.1)."""
    held = b""
    while size := int((await reader.readuntil(b"\r\n")).strip() or b"0", 16):
        held += await reader.readexactly(size)
        await reader.readexactly(2)
        *whole, held = held.split(b"\n\n")
        for block in whole:
            lines = (line.partition(b":") for line in block.split(b"\n"))
            yield {name.decode(): value.strip().decode() for name, _, value in lines if name}


def faults(client: Client, numbers: list[int]) -> list[str]:
    """Say what a client was not told, or told twice, of the numbers after it began."""
    wanted = [n for n in numbers if client.began is not None and n > client.began]
    if client.told == wanted:
        return []
    missing, twice = set(wanted) - set(client.told), len(client.told) - len(set(client.told))
    return [
        f"began {client.began}: {len(missing)} missing, {twice} twice, order {client.told == sorted(client.told)}"
    ]
