"""
What a message is on each channel.

Rules: each says why it came, what it is about, and opens at least three stories of every alert (all, where
there are fewer), as long as the channel's bytes allow; alerts that do not fit are counted. Links that act
give way before an alert does, and all links before a story. A body is never longer than its limit.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from consumers.notify.core.leads import Leads, Which, links
from consumers.notify.core.matching import opening
from consumers.notify.core.words import (
    HELD,
    REASONS,
    WORDS,
    cut,
    figures,
    headline,
    link,
    markdown,
    plain,
)
from consumers.records.notices.values import Item, Line, Message
from groundswell.action_links import LinkAction

WEBHOOK_BYTES: Final = 20_480
DINGTALK_BYTES: Final = 20_000
FEISHU_BYTES: Final = 20_480
WECOM_BYTES: Final = 4096
TEXT_BYTES: Final = 30_000
LEAST_STORIES: Final = 3
_LONG_URL: Final = 500

Body: TypeAlias = Callable[[list[Item], int, Which], bytes]
"""Makes a body of some alerts, with so many stories of each, and these of its links."""


def reason_text(message: Message) -> str:
    """Return why the message came, in words."""
    why = REASONS[message.language][message.reason]
    held = HELD[message.language].get(message.held, "")
    return f"{why} ({held})" if held else why


def title_of(message: Message) -> str:
    """Return the title: the first alert, and how many more."""
    if not message.items:
        return plain(f"{message.name}: {REASONS[message.language][message.reason]}", 150)
    more = f" +{message.total - 1}" if message.total > 1 else ""
    return plain(headline(message.items[0], message.language), 120) + more


def event_type(message: Message) -> str:
    """Return the type of a webhook's event."""
    if message.reason in {"digest", "test"}:
        return f"{message.reason}.ready" if message.reason == "digest" else "test"
    if message.reason in {"all_alerts_resolved", "new_resolved_alerts"}:
        return "alert.resolved"
    if message.reason == "ack_changed":
        return "alert.acknowledged"
    if message.reason == "receiver_failed":
        return "receiver.failed"
    fresh = {"first_notification", "new_alerts_in_group", "reopened"}
    return "alert.firing" if message.reason in fresh else "alert.updated"


def webhook(message: Message, leads: Leads | None = None, most: int = WEBHOOK_BYTES) -> bytes:
    """Return the body of a webhook: an event with its type, timestamp and data."""

    def body(kept: list[Item], stories: int, which: Which) -> bytes:
        data = msgspec.to_builtins(msgspec.structs.replace(message, items=tuple(kept)))
        for one, item in zip(data["items"], kept, strict=True):
            one["stories"] = one["stories"][:stories]
            found = links(leads, message, item, which)
            if found:
                one["links"] = found
        data["left_out"] = message.total - len(kept)
        data["why"] = reason_text(message)
        return msgspec.json.encode(
            {"type": event_type(message), "timestamp": message.at, "data": data}
        )

    return _fitting(message, body, most)


def _fitting(message: Message, body: Body, most: int) -> bytes:
    """Return the fullest body that fits: fewer stories, down to three, no links that act, fewer alerts."""
    items = list(message.items)
    made = body(items, 5, "all")
    if len(made) <= most:
        return made
    for count in range(len(items), 0, -1):
        for which in _FEWER[:2]:
            made = body(items[:count], LEAST_STORIES, which)
            if len(made) <= most:
                return made
    short = [_short(item) for item in items[:1]]
    for few in (LEAST_STORIES, 1, 0):
        for which in _FEWER:
            made = body(short, few, which)
            if len(made) <= most:
                return made
    return body([], 0, "none")


_FEWER: Final[tuple[Which, ...]] = ("all", "open", "none")


def _short(item: Item) -> Item:
    """Return the alert with shorter texts; stories whose addresses are too long come last, without them."""
    lines = [
        Line(
            cut(s.title, 200),
            s.url if len(s.url) <= _LONG_URL else "",
            cut(s.source, 60),
            s.published,
        )
        for s in item.stories
    ]
    return msgspec.structs.replace(item, stories=opening(lines))


def text(
    message: Message,
    most: int = TEXT_BYTES,
    *,
    marked: bool = False,
    leads: Leads | None = None,
) -> str:
    """Return the message as text, or (``marked``) as Markdown in which news is literal."""

    def body(kept: list[Item], stories: int, which: Which) -> bytes:
        found = [links(leads, message, item, which) for item in kept]
        return _written(message, kept, stories, found, marked=marked).encode()

    return cut(_fitting(message, body, most).decode(), most)


def _written(
    message: Message,
    kept: list[Item],
    stories: int,
    found: list[dict[LinkAction, str]],
    *,
    marked: bool,
) -> str:
    words = WORDS[message.language]
    say = markdown if marked else plain
    strong = "**" if marked else ""
    lines = [f"{words['why']}: {say(reason_text(message), 300)}"]
    if message.note:
        lines.append(say(message.note, 500))
    if message.firing or message.resolved:
        lines.append(words["counts"].format(message.firing, message.resolved))
    if not message.items and message.reason == "digest":
        lines.append(words["none"])
    for item, leading in zip(kept, found, strict=True):
        lines += ["", f"{strong}{say(headline(item, message.language), 300)}{strong}"]
        said = figures(item, message.language)
        if said:
            lines.append(say(said, 600))
        lines += [_story(line, marked=marked) for line in item.stories[:stories]]
        if marked and leading:
            lines.append(" · ".join(f"[{words[to]}]({url})" for to, url in leading.items()))
        elif leading:
            lines += [f"{words[to]}: {url}" for to, url in leading.items()]
    if message.total > len(kept):
        lines += ["", words["more"].format(message.total - len(kept))]
    # Two spaces end a line in Markdown; a paragraph does in all its dialects.
    return ("\n\n" if marked else "\n").join(line for line in lines if line or not marked)


def _story(line: Line, *, marked: bool) -> str:
    source, url = line.source, link(line.url)
    if not marked:
        told = f"- {plain(line.title)} ({plain(source, 60)})"
        return f"{told}\n  {url}" if url else told
    title = markdown(line.title)
    told = f"[{title}]({url})" if url else title
    return f"- {told} ({markdown(source, 60)})"


def dingtalk(message: Message, leads: Leads | None = None) -> dict[str, Any]:
    """Return the body for 钉钉: Markdown, 20,000 bytes in all."""
    title = title_of(message)
    body = text(message, DINGTALK_BYTES - 2500, marked=True, leads=leads)
    return _shrunk(
        lambda room: {
            "msgtype": "markdown",
            "markdown": {"title": title, "text": f"### {markdown(title)}\n\n{cut(body, room)}"},
        },
        DINGTALK_BYTES,
    )


def feishu(message: Message, leads: Leads | None = None) -> dict[str, Any]:
    """Return the body for 飞书: a post of text and links, in which nothing is markup; 20 KB in all."""
    words = WORDS[message.language]

    def post(kept: list[Item], stories: int, which: Which) -> dict[str, Any]:
        rows: list[list[dict[str, str]]] = [[_text(f"{words['why']}: {reason_text(message)}")]]
        if message.note:
            rows.append([_text(plain(message.note, 500))])
        for item in kept:
            rows.append([_text(headline(item, message.language))])
            rows += [[_text(said)] for said in (figures(item, message.language),) if said]
            rows += [_feishu_story(line) for line in item.stories[:stories]]
            found = links(leads, message, item, which)
            if found:
                rows.append([_feishu_link(words[to], url) for to, url in found.items()])
        if message.total > len(kept):
            rows.append([_text(words["more"].format(message.total - len(kept)))])
        content = {"title": title_of(message), "content": rows}
        return {"msg_type": "post", "content": {"post": {"zh_cn": content}}}

    made = _fitting(message, lambda *parts: msgspec.json.encode(post(*parts)), FEISHU_BYTES - 300)
    return dict(msgspec.json.decode(made))


def _text(said: str) -> dict[str, str]:
    return {"tag": "text", "text": said}


def _feishu_link(said: str, url: str) -> dict[str, str]:
    return {"tag": "a", "text": f"{said}  ", "href": url}


def _feishu_story(line: Line) -> list[dict[str, str]]:
    title, url = plain(line.title), link(line.url)
    first = {"tag": "a", "text": title, "href": url} if url else _text(title)
    return [_text("- "), first, _text(f" ({plain(line.source, 60)})")]


def wecom(message: Message, leads: Leads | None = None) -> dict[str, Any]:
    """Return the body for 企业微信: Markdown, 4,096 bytes of content."""
    title = markdown(title_of(message))
    room = WECOM_BYTES - len(title.encode()) - 10
    body = text(message, room, marked=True, leads=leads)
    content = cut(f"### {title}\n\n{body}", WECOM_BYTES)
    return {"msgtype": "markdown", "markdown": {"content": content}}


def _shrunk(make: Callable[[int], dict[str, Any]], most: int) -> dict[str, Any]:
    """Return what fits into ``most`` bytes as JSON: escapes make text longer."""
    room = most
    made = make(room)
    while len(msgspec.json.encode(made)) > most and room > 0:
        room -= max(200, len(msgspec.json.encode(made)) - most)
        made = make(room)
    return made
