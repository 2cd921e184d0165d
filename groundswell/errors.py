"""
The errors, named for what the caller must do.

    GroundswellError
    ├── Rejected          the input is bad: refuse it, record why, go on with the next
    ├── Transient         the outside is away: wait, then do the same again
    ├── CannotStart       the operator must act before the program can run
    │   ├── SettingsError     a setting is unknown, missing or out of range
    │   ├── BundleError       a model bundle is missing, broken or not what it says
    │   ├── TopicError        a Kafka topic is missing or shaped wrongly
    │   └── InputError        a file given on the command line cannot be used
    ├── CannotContinue    going on would do harm: stop, say why, leave the rest untouched
    └── Bug               a promise inside the program is broken: stop loudly

Rules: only a loop or a command catches, and only by name. A message says what was wrong, where, and
what to do. No message holds a secret.
"""


class GroundswellError(Exception):
    """Anything that this project raises on purpose."""


class Rejected(GroundswellError):
    """
    The input is bad and stays bad, however often it is tried.

    ``reason`` is a short code out of ``groundswell.events.REASONS``, counted and published;
    ``detail`` says in a sentence what was wrong and where.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Transient(GroundswellError):
    """Something outside is away or busy; the same call may succeed later."""


class CannotStart(GroundswellError):
    """The program refuses to start; the message says what the operator has to change."""


class SettingsError(CannotStart):
    """A setting is unknown, missing or out of range; each bad key is named."""


class BundleError(CannotStart):
    """A model bundle is missing, broken, or answers otherwise than its golden texts say."""


class TopicError(CannotStart):
    """A Kafka topic is missing or has the wrong partitions, retention or size limit."""


class InputError(CannotStart):
    """A file or argument given by the user cannot be used; the message names it."""


class CannotContinue(GroundswellError):
    """Going on would lose or falsify data; the message says what to do first."""


class Bug(GroundswellError):
    """An invariant is broken. This is a bug in Groundswell; please report it."""
