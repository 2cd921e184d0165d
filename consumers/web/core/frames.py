r"""
Server-sent events as HTML has them (section 9.2): what is written, and where a client goes on.

Rules: the id of an event is the number of its transition in the records, which only grows; data is one line
of JSON, so that no text can end an event. An id that is none is refused: to begin elsewhere in silence
would be to lose something.
"""

from typing import Final

from groundswell.errors import Rejected

_DIGITS: Final = 18
BEAT: Final = b": \n\n"


def event(name: str, data: bytes, number: int | None = None) -> bytes:
    """Return the bytes of an event; ``data`` is JSON without line breaks."""
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def retry(milliseconds: int) -> bytes:
    """Return the line that says how long to wait before coming back."""
    return b"retry: %d\n\n" % milliseconds


def last_id(header: str | None, query: str | None) -> int | None:
    """
    Return the number after which a client goes on; None: from now on.

    The header is the browser's, the query that of who cannot set headers; the header wins. Raises
    ``Rejected``.
    """
    given = header if header not in {None, ""} else query
    if given in {None, ""}:
        return None
    text = (given or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Rejected("bad_event_id", "Last-Event-ID is no number: send back the id of an event")
    return int(text)
