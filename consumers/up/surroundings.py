"""
The environment of the programs that `up` starts.

Rules: what the user set holds, except the addresses and the key of the secrets, which are of this run alone,
and in a replay the clock and what has to be kept for its history. Messages may go to the loopback's one
address that the receiver listens on, beside what the user allows.
"""

import os
from pathlib import Path
from typing import Final

from consumers.adapters import embedded
from consumers.notify.sealing import new_key
from consumers.up.pace import HISTORY_DAYS, Pace
from consumers.up.subscriber import ADDRESS
from groundswell.settings import PREFIX, Settings

_AHEAD_HOURS: Final = 48
_ALLOW: Final = f"{PREFIX}NOTIFY_ALLOW"


def environment(
    broker: str, store: str, records: Path, bundle: Path | None, pace: Pace
) -> dict[str, str]:
    """Return the environment of the programs: the user's, with the addresses of this machine."""
    port = embedded.free_port()
    ours = {
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "KAFKA_INSTANCE_ID": "",
        "REDIS_URL": store,
        "REDIS_CLUSTER": "false",
        "HTTP_HOST": "127.0.0.1",
        "RECORDS_URL": f"sqlite:///{records}",
        "SECRETS_KEY": new_key(),
        "NOTIFY_ALLOW": ",".join(filter(None, (os.environ.get(_ALLOW), f"{ADDRESS}/32"))),
        "SERVE_HOST": ADDRESS,
        "SERVE_PORT": str(port),
        "PUBLIC_URL": f"http://{ADDRESS}:{port}",
    }
    if pace.replays:
        hours = HISTORY_DAYS * 24
        ours |= {
            "CLOCK": "records",
            "MARK_INTERVAL_MS": "250",
            "MINUTES_KEPT_HOURS": str(hours + _AHEAD_HOURS),
            "WATCH_BACK_HOURS": str(hours),
        }
    if f"{PREFIX}KAFKA_SESSION_TIMEOUT_MS" not in os.environ:
        # The embedded broker holds joins for half a session; nobody else is there to be missed.
        ours["KAFKA_SESSION_TIMEOUT_MS"] = "3000"
    if bundle is not None:
        ours["BUNDLE"] = str(bundle)
    elif f"{PREFIX}BUNDLE" not in os.environ:
        ours["BUNDLE"] = str(Path(__file__).parents[2] / Settings().bundle)
    return {**os.environ, **{PREFIX + key: value for key, value in ours.items()}}
