"""
New channels and subscriptions, and subscriptions as YAML.

Rules: a secret is shown once, when it is made. YAML names channels by their names, and holds no secret; an
import replaces what has the same owner and name, all of it or nothing.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import yaml

from consumers.notify.calendars import known_markets
from consumers.notify.channels.webhook import bad_secret
from consumers.notify.core.addresses import bad_url
from consumers.notify.core.checking import faults
from consumers.notify.ports import Sealer
from consumers.records.notices.values import Channel, ChannelKind, Subscription
from groundswell.errors import InputError

_HOOKS: Final = frozenset({"webhook", "dingtalk", "feishu", "wecom"})
LONGEST_URL: Final = 2000


def new_id() -> str:
    """Return an id that nothing has."""
    return secrets.token_hex(8)


def new_secret() -> str:
    """Return a signing secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def config_of(kind: ChannelKind, url: str, given: Sequence[str] = ()) -> dict[str, object]:
    """Return the config of a channel. Raises ``InputError`` that does not repeat what is secret."""
    if kind == "console":
        return {}
    if not url or len(url) > LONGEST_URL:
        raise InputError(f"{kind}: needs an address of at most {LONGEST_URL} characters")
    if kind == "apprise":
        if "://" not in url:
            raise InputError("apprise: the address must be like ntfy://host/topic or mailto://…")
        return {"url": url}
    wrong = bad_url(url)
    if wrong is not None:
        raise InputError(f"{kind}: {wrong}")
    if kind == "webhook":
        for secret in given:
            fault = bad_secret(secret)
            if fault is not None:
                raise InputError(f"webhook: {fault}")
        return {"url": url, "secrets": list(given) or [new_secret()]}
    return {"url": url, "secret": given[0] if given else ""}


def shown_of(kind: ChannelKind, config: Mapping[str, object]) -> str:
    """Return where a channel leads, without what may be secret: path, query, user, password."""
    if kind == "console":
        return "stdout of `groundswell notify`"
    url = str(config["url"])
    if kind == "apprise":
        return url.partition("://")[0] + "://…"
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}/…"


def channel_of(
    owner: str, name: str, kind: ChannelKind, config: Mapping[str, object], sealer: Sealer
) -> Channel:
    """Return a new channel."""
    sealed = sealer.seal(config)
    return Channel(new_id(), owner, name, kind, shown_of(kind, config), sealed)


def checked(one: Subscription) -> Subscription:
    """Return the subscription. Raises ``InputError`` that names everything that is wrong with it."""
    wrong = faults(one, known_markets())
    if wrong:
        raise InputError("the subscription cannot be meant:\n  " + "\n  ".join(wrong))
    return one


def to_yaml(found: Sequence[Subscription], names: Mapping[str, str]) -> str:
    """Return subscriptions as YAML; ``names`` are those of channels by id."""
    sheets = []
    for one in found:
        sheet: dict[str, Any] = msgspec.to_builtins(one)
        del sheet["id"]
        sheet["channels"] = [names.get(name, name) for name in one.channels]
        sheets.append(sheet)
    written: str = yaml.safe_dump(
        {"subscriptions": sheets}, allow_unicode=True, sort_keys=False, default_flow_style=None
    )
    return written


def from_yaml(
    text: str, known: Sequence[Subscription], channels: Sequence[Channel]
) -> tuple[Subscription, ...]:
    """Return the subscriptions of a YAML. Raises ``InputError`` that says where it is wrong."""
    try:
        # Everything as text: in YAML 1.1, 22:00 is the number 1320, and no is false.
        sheets = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes text only
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(sheets, dict) or not isinstance(sheets.get("subscriptions"), list):
        raise InputError("a mapping with `subscriptions`, a list, is expected")
    ids = {(one.owner, one.name): one.id for one in known}
    made = []
    for place, sheet in enumerate(sheets["subscriptions"]):
        try:
            one = msgspec.convert({**sheet, "id": "new"}, Subscription, strict=False)
        except (msgspec.ValidationError, TypeError) as error:
            raise InputError(f"subscriptions[{place}]: {error}") from None
        mine = {c.name: c.id for c in channels if c.owner == one.owner and c.disabled != "removed"}
        unknown = [name for name in one.channels if name not in mine]
        if unknown:
            raise InputError(
                f"subscriptions[{place}]: {one.owner} has no channel {unknown[0]!r}; add it first: "
                "`groundswell channels add`"
            )
        own = ids.setdefault((one.owner, one.name), new_id())
        chosen = tuple(mine[name] for name in one.channels)
        made.append(checked(msgspec.structs.replace(one, id=own, channels=chosen)))
    return tuple(made)
