"""
What is known of one partition of ``opinions``: the value that moves together with the counts.

Rules: equal states have equal encodings, since Redis compares the bytes; a blob that would not encode
to the same bytes again comes from another release and is refused, not guessed at.
"""

import msgspec

from groundswell.errors import CannotContinue


class Fence(msgspec.Struct, frozen=True, array_like=True):
    """The highest source offset that is settled, per identity of a source topic and partition."""

    topic: str
    topic_id: str
    partition: int
    offset: int


class Totals(msgspec.Struct, frozen=True, array_like=True):
    """
    What was done with the records, cumulative.

    Of source offsets: ``counted`` opinions (``late`` and ``unread`` are parts of it: too late, and in
    a language that the bundle does not know), ``refused`` by reason (sorted), ``lost`` in gaps of the
    source or of the log, which had deleted their verdicts, ``ticks``. Of log records: ``repeats``,
    ``holes`` (seen past something missing, not counted), ``unreadable`` ones, and ``log_lost``, those
    that the log had deleted before they were read. ``recreated`` and ``log_recreated`` say how often a
    source topic and the log changed their identity.
    """

    counted: int = 0
    late: int = 0
    unread: int = 0
    refused: tuple[tuple[str, int], ...] = ()
    lost: int = 0
    ticks: int = 0
    repeats: int = 0
    holes: int = 0
    unreadable: int = 0
    log_lost: int = 0
    recreated: int = 0
    log_recreated: int = 0

    @property
    def refusals(self) -> int:
        """All refused items."""
        return sum(n for _, n in self.refused)

    @property
    def settled(self) -> int:
        """Distinct source offsets that are done with."""
        return self.counted + self.refusals + self.lost + self.ticks


class PartitionState(msgspec.Struct, frozen=True, array_like=True):
    """
    The state of one partition of ``opinions``.

    ``log_id`` is the identity of the log ("" where the broker has none), ``position`` the next log
    offset to read. ``mark`` is the time before which everything has been read, and ``newest`` the
    newest arrival counted; both in ms, 0: none yet. ``fences`` stand in the order in which their
    topics appeared. Below log offset ``open_until`` what is missing was deleted by the log: see
    ``fence``.
    """

    log_id: str = ""
    position: int = 0
    mark: int = 0
    newest: int = 0
    fences: tuple[Fence, ...] = ()
    totals: Totals = Totals()
    open_until: int = 0
    version: int = 1


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(PartitionState)


def encode_state(state: PartitionState) -> bytes:
    """Encode a state; equal states give equal bytes."""
    return _encoder.encode(state)


def decode_state(blob: bytes) -> PartitionState:
    """Decode a state. Raises ``CannotContinue`` on what this release did not write."""
    try:
        state = _decoder.decode(blob)
    except msgspec.DecodeError as error:
        raise CannotContinue(f"a state in Redis cannot be read ({error}); {_ADVICE}") from error
    if _encoder.encode(state) != blob:
        raise CannotContinue(f"a state in Redis was written by another release; {_ADVICE}")
    return state


_ADVICE = (
    "run the release that wrote it, or empty the counts: they fill again from the log of record"
)
