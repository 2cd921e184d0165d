"""
The process in which Apprise sends: `python -m consumers.notify.channels.apprise_child`, a request a line.

Rules: an audit hook, which nothing in the process can take off, refuses every connection to an address that
is not of the public internet (or of a network that the operator names), every connection by name, and every
program that would be started. Names are looked up before, so that what is checked is what is connected to.
Redirects are off. Kinds that do not go out through the network (the desktop, syslog, a serial device) are
refused. It answers `{"ok": …, "why": …}`; nothing that it prints holds an address of a channel.
"""

import json
import logging
import os
import socket
import sys
from typing import Any, Final

import apprise

from consumers.notify.core.addresses import Network, networks, refusal

LOCAL: Final = frozenset(
    {
        "dbus",
        "kde",
        "qt",
        "glib",
        "gnome",
        "windows",
        "macosx",
        "blink1",
        "syslog",
        "rsyslog",
        "gntp",
    }
)
_CONNECTS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STARTS: Final = frozenset(
    {
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.forkpty",
        "pty.spawn",
    }
)


class Refused(OSError):
    """A connection that is not made."""


def guard(allowed: tuple[Network, ...]) -> None:
    """Let this process connect to checked addresses only, from here on."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STARTS:
            raise Refused("no program is started")
        if event not in _CONNECTS or arguments[0].family not in (socket.AF_INET, socket.AF_INET6):
            if event in _CONNECTS and arguments[0].family == socket.AF_UNIX:
                raise Refused("no local socket is used")
            return
        host = str(arguments[1][0]) if arguments[1] else ""
        why = refusal(host, allowed)
        if why is not None:
            raise Refused(why)

    sys.addaudithook(hook)


def send(request: dict[str, Any]) -> dict[str, Any]:
    """Send one message."""
    url = str(request["url"])
    if url.partition(":")[0].lower() in LOCAL:
        return {"ok": False, "final": True, "why": "refused: this kind does not leave the machine"}
    target = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if target is None:
        return {"ok": False, "final": True, "why": "Apprise does not know such an address"}
    target.redirects = False
    sent = target.notify(
        title=str(request["title"]),
        body=str(request["body"]),
        body_format=apprise.NotifyFormat.TEXT,
        notify_type=apprise.NotifyType.WARNING,
    )
    return {"ok": bool(sent), "final": False, "why": "" if sent else "Apprise could not send it"}


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a plugin prints is no answer
    logging.disable(logging.CRITICAL)
    socket.setdefaulttimeout(15)
    guard(networks(part for part in sys.argv[1].split(",") if part))
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        try:
            answer = send(json.loads(line))
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; the next message goes on
            answer = {"ok": False, "final": False, "why": type(error).__name__}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
