"""The rules of `notify` as the API asks for them: the one module that knows both programs' values."""

from collections.abc import Sequence

from consumers.notify.calendars import calendar, known_markets
from consumers.notify.core.checking import faults, silence_faults
from consumers.notify.core.hiding import hidden
from consumers.notify.core.preview import preview
from consumers.notify.desk.making import channel_of, config_of, new_id
from consumers.notify.planner import delivery_key
from consumers.notify.ports import Sealer
from consumers.notify.sealing import FernetSealer, keys_of
from consumers.records.alerts import Alert, Transition
from consumers.records.notices.ports import Planned
from consumers.records.notices.values import Channel, ChannelKind, Message, Silence, Subscription
from consumers.web.ports import Foreseen, Hidden
from groundswell.action_links import link_keys
from groundswell.settings import Settings


class NotifyRules:
    """The ``NoticeRules`` port."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def faults(self, one: Subscription) -> tuple[str, ...]:
        """See the port."""
        return faults(one, known_markets())

    def silence_faults(self, one: Silence) -> tuple[str, ...]:
        """See the port."""
        return silence_faults(one)

    def new_id(self) -> str:
        """See the port."""
        return new_id()

    def new_channel(
        self, owner: str, name: str, kind: ChannelKind, url: str, secrets: Sequence[str]
    ) -> tuple[Channel, str]:
        """See the port."""
        config = config_of(kind, url, tuple(secrets))
        made = config.get("secrets")
        shown = str(made[0]) if isinstance(made, list) and made and not secrets else ""
        return channel_of(owner, name, kind, config, self._sealer), shown

    def foreseen(
        self,
        one: Subscription,
        history: Sequence[tuple[Transition, Alert]],
        silences: Sequence[Silence],
        now: int,
    ) -> Foreseen:
        """See the port."""
        found = preview(one, history, silences, calendar(one.schedule.market), now)
        return Foreseen(
            found.messages, tuple((at, note.alert, note.why) for at, note in found.withheld)
        )

    def hidden(
        self,
        one: Silence,
        going_on: Sequence[Alert],
        history: Sequence[tuple[Transition, Alert]],
    ) -> Hidden:
        """See the port."""
        return Hidden(*hidden(one, going_on, history))

    def test_messages(self, one: Subscription, now: int) -> tuple[Planned, ...]:
        """See the port."""
        message = Message(
            subscription=one.id,
            name=one.name,
            group="test",
            reason="test",
            at=now,
            items=(),
            total=0,
            firing=0,
            resolved=0,
            number=now,
            language=one.language,
        )
        return tuple(
            Planned(delivery_key(name, "test", message), name, one.id, f"test:{now}", message)
            for name in one.channels
        )


def open_rules(settings: Settings) -> tuple[NotifyRules, tuple[bytes, ...]]:
    """
    Build the rules from the settings, and the keys of signed links.

    Raises ``CannotStart``. Makes the file of keys where there is none.
    """
    keys = keys_of(settings)
    return NotifyRules(FernetSealer(keys)), link_keys(keys)
