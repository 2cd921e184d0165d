"""
Cutting the copy of a refused item to what a topic takes.

Rules: the value goes first, then headers from the end, so that those that say why it was refused stay;
what was cut says so.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

OVERHEAD: Final = 1024
"""Bytes that a record needs beside its value and its headers, generously."""
_HEADER: Final = 16
"""Bytes that a header needs beside its key and its value, generously."""


class Cut(NamedTuple):
    """What is left: ``nothing`` says that no less could be."""

    value: bytes | None
    headers: list[tuple[str, bytes]]
    nothing: bool


def cut_to(limit: int, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Cut:
    """Fit a record into ``limit`` bytes; headers ``cut`` and ``length`` (of the value) are added."""
    room = limit - OVERHEAD
    kept: list[tuple[str, bytes]] = []
    for key, text in headers:
        needed = len(key.encode("utf-8", "replace")) + len(text) + _HEADER
        if needed > room:
            break
        room -= needed
        kept.append((key, text))
    left = value if value is None else value[: max(room, 0)]
    nothing = not left and not kept
    if len(kept) < len(headers) or left != value:
        kept += [("cut", b"true"), ("length", str(len(value or b"")).encode())]
    return Cut(left, kept, nothing)
