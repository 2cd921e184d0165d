"""What the routes are given: the ports, the limits, the clock. Built by the composition root alone."""

from dataclasses import dataclass, field

from fastapi import Request

from consumers.adapters.http import Health
from consumers.ports import Clock
from consumers.records.access.ports import Access
from consumers.records.notices.ports import Desk
from consumers.records.ports import AlertDesk
from consumers.records.schemes.ports import SchemeRecords
from consumers.web.core.access import Caller
from consumers.web.core.limits import Bucket, Rate
from consumers.web.hub import Hub
from consumers.web.live import Live
from consumers.web.metrics import Metrics
from consumers.web.ports import Counts, Intake, NoticeRules
from groundswell.settings import Settings


@dataclass
class Parts:
    """Everything that an answer may need."""

    settings: Settings
    clock: Clock
    health: Health
    metrics: Metrics
    alerts: AlertDesk
    access: Access
    notices: Desk
    rules: NoticeRules
    schemes: SchemeRecords
    counts: Counts
    intake: Intake
    hub: Hub
    live: Live
    link_keys: tuple[bytes, ...]
    buckets: dict[str, Bucket] = field(default_factory=dict)

    @property
    def rate(self) -> Rate:
        """What one caller may ask for."""
        return Rate(self.settings.serve_requests_a_minute / 60, self.settings.serve_burst)


def parts_of(request: Request) -> Parts:
    """Return the parts of the program that answers."""
    found: Parts = request.app.state.parts
    return found


def caller_of(request: Request) -> Caller:
    """Return who calls; the guard has said so before any route runs."""
    found: Caller = request.state.caller
    return found
