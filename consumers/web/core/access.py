"""
Who may do what: roles, scopes, and what each operation of the API needs.

Rules: an operation that stands in no table is refused before the program starts. A role is a set of scopes;
a key may be narrowed to fewer, never widened. What belongs to a person (subscriptions, channels) is theirs
and an administrator's alone.
"""

from collections.abc import Collection, Iterable
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

Role: TypeAlias = Literal["viewer", "analyst", "admin"]
Scope: TypeAlias = Literal[
    "alerts:read",
    "alerts:act",
    "series:read",
    "schemes:write",
    "subscriptions:read",
    "subscriptions:write",
    "news:write",
    "feedback:read",
    "feedback:write",
    "keys:admin",
    "audit:read",
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

_READS: Final[frozenset[Scope]] = frozenset({"alerts:read", "series:read"})
_WORKS: Final[frozenset[Scope]] = _READS | {
    "alerts:act",
    "schemes:write",
    "subscriptions:read",
    "subscriptions:write",
    "news:write",
    "feedback:read",
    "feedback:write",
}
OF_ROLE: Final[dict[Role, frozenset[Scope]]] = {
    "viewer": _READS,
    "analyst": _WORKS,
    "admin": frozenset(SCOPES),
}

NEEDS: Final[dict[str, Scope]] = {
    "list_alerts": "alerts:read",
    "show_alert": "alerts:read",
    "alert_evidence": "alerts:read",
    "alert_history": "alerts:read",
    "stream_alerts": "alerts:read",
    "acknowledge_alert": "alerts:act",
    "silence_alert": "alerts:act",
    "resolve_alert": "alerts:act",
    "assign_alert": "alerts:act",
    "comment_alert": "alerts:act",
    "snooze_alert": "alerts:act",
    "judge_alert": "alerts:act",
    "link_alert": "alerts:act",
    "list_series": "series:read",
    "show_series": "series:read",
    "series_counts": "series:read",
    "export_series": "series:read",
    "series_stories": "series:read",
    "definitions": "series:read",
    "live_counts": "series:read",
    "list_subscriptions": "subscriptions:read",
    "show_subscription": "subscriptions:read",
    "preview_subscription": "subscriptions:read",
    "subscription_log": "subscriptions:read",
    "create_subscription": "subscriptions:write",
    "replace_subscription": "subscriptions:write",
    "delete_subscription": "subscriptions:write",
    "test_subscription": "subscriptions:write",
    "list_channels": "subscriptions:read",
    "create_channel": "subscriptions:write",
    "delete_channel": "subscriptions:write",
    "list_silences": "alerts:read",
    "preview_silence": "alerts:read",
    "create_silence": "alerts:act",
    "end_silence": "alerts:act",
    "list_schemes": "series:read",
    "show_scheme": "series:read",
    "create_scheme": "schemes:write",
    "drop_scheme": "schemes:write",
    "push_news": "news:write",
    "list_feedback": "feedback:read",
    "give_feedback": "feedback:write",
    "list_keys": "keys:admin",
    "revoke_key": "keys:admin",
    "list_audit": "audit:read",
}
"""What each operation, by its id, needs of a key."""

BY_LINK: Final[frozenset[str]] = frozenset({"show_link", "follow_link"})
"""Operations whose address is the permission: signed links."""


class Caller(NamedTuple):
    """Who calls: the key's id, whom it belongs to, and what it may do."""

    key: str
    owner: str
    role: Role
    scopes: frozenset[Scope]

    def sees(self, owner: str) -> bool:
        """Say whether what belongs to ``owner`` is this caller's to see and change."""
        return self.role == "admin" or self.owner == owner


def granted(role: Role, narrowed: Collection[Scope]) -> frozenset[Scope]:
    """Return the scopes of a key: those of its role, or fewer."""
    return OF_ROLE[role] & frozenset(narrowed) if narrowed else OF_ROLE[role]


def beyond(role: Role, wanted: Iterable[Scope]) -> tuple[Scope, ...]:
    """Return what of ``wanted`` a role does not have."""
    return tuple(scope for scope in wanted if scope not in OF_ROLE[role])


def unlisted(operations: Iterable[str]) -> tuple[str, ...]:
    """Return operations that no table names."""
    return tuple(sorted(set(operations) - NEEDS.keys() - BY_LINK))
