"""
What a failure of aiokafka means to the caller: wait (``Transient``) or stop (``CannotContinue``).

Rule: what time may heal is ``Transient``; what only an operator can heal stops the program.
"""

from typing import Final

from aiokafka import errors

from groundswell.errors import CannotContinue, GroundswellError, Transient

_FORBIDDEN: Final = (
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.SaslAuthenticationFailed,
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
)
_HOPELESS: Final = (
    errors.InvalidTopicError,
    errors.InvalidGroupIdError,
    errors.InvalidSessionTimeoutError,
    errors.InconsistentGroupProtocolError,
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.RecordTooLargeError,
    errors.OffsetMetadataTooLargeError,
    errors.CorruptRecordException,
    errors.UnsupportedCodecError,
    errors.UnsupportedForMessageFormatError,
    errors.PolicyViolationError,
)
FAILURES: Final = (errors.KafkaError, OSError, TimeoutError)
"""What a call of aiokafka may raise because of the world outside."""


def translated(error: BaseException, doing: str) -> GroundswellError:
    """Return what to raise for ``error``, which came up while ``doing`` (a phrase with the topic)."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, _FORBIDDEN):
        return CannotContinue(f"Kafka forbids it, {doing} ({text}); check user and ACLs")
    if isinstance(error, _HOPELESS):
        return CannotContinue(f"Kafka refuses it for good, {doing} ({text})")
    return Transient(f"Kafka is away or busy, {doing} ({text})")
