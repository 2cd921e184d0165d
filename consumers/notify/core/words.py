"""
The words of messages, in English and Chinese, and how hostile text is made harmless.

Rules: what comes from news (titles, sources, addresses) is text, never markup: control characters go,
marks that a channel would read are escaped, and "@all" loses its meaning. Text is cut by bytes of UTF-8,
never inside a character.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

from consumers.records.notices.values import Item, Reason

_MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~])")
_MENTION: Final = re.compile(r"@(?=\w)|<(?=[!@#])")
_HIDDEN: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
TITLE: Final = 200
LONGEST_URL: Final = 2000

REASONS: Final[dict[str, dict[Reason, str]]] = {
    "en": {
        "first_notification": "a new alert",
        "new_alerts_in_group": "new alerts beside those that you know",
        "severity_raised": "it got more severe",
        "evidence_grew": "its evidence is ten times what you were told",
        "repeat_interval_elapsed": "it goes on, and nobody has acknowledged it",
        "reopened": "it is back",
        "new_resolved_alerts": "some are over",
        "all_alerts_resolved": "all are over",
        "ack_changed": "somebody has acknowledged it",
        "silence_ended": "its silence has ended, and it goes on",
        "worse": "it got worse since somebody snoozed it",
        "digest": "your daily digest",
        "flood_summary": "many messages at once, put together",
        "test": "you asked for a test",
        "receiver_failed": "another channel of yours failed",
    },
    "zh": {
        "first_notification": "新预警",
        "new_alerts_in_group": "同组出现新预警",
        "severity_raised": "级别上升",
        "evidence_grew": "证据增至上次通知的十倍",
        "repeat_interval_elapsed": "仍在持续，尚无人确认",
        "reopened": "再次触发",
        "new_resolved_alerts": "部分已结束",
        "all_alerts_resolved": "全部已结束",
        "ack_changed": "已有人确认",
        "silence_ended": "静默已结束，预警仍在持续",
        "worse": "暂停通知后情况恶化",
        "digest": "每日摘要",
        "flood_summary": "短时间内消息过多，合并为一条",
        "test": "您请求的测试消息",
        "receiver_failed": "您的另一通道投递失败",
    },
}
HELD: Final[dict[str, dict[str, str]]] = {
    "en": {
        "quiet_hours": "held over quiet hours",
        "market_closed": "held while the exchange was closed",
        "waiting_for_digest": "held for the digest",
        "cap": "held by your cap an hour",
        "flood": "held by the flood guard",
        "paused": "held while paused",
        "no_channel": "held while no channel took messages",
    },
    "zh": {
        "quiet_hours": "因免打扰时段延后",
        "market_closed": "因休市延后",
        "waiting_for_digest": "留待摘要",
        "cap": "因每小时上限延后",
        "flood": "因防轰炸限制延后",
        "paused": "因暂停延后",
        "no_channel": "因无可用通道延后",
    },
}
WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "why": "Why", "stories": "Stories", "more": "and {} more alerts", "none": "Nothing happened.",
        "firing": "firing", "resolved": "resolved", "fired_and_resolved": "fired and resolved",
        "critical": "critical", "warning": "warning", "seen": "{} negative stories, {} expected ({}×)",
        "open": "Open", "acknowledge": "Acknowledge", "snooze": "Snooze until worse",
        "assigned": "assigned to {}", "acknowledged": "acknowledged by {}", "members": "over {}", "counts": "{} firing, {} resolved",
        "surge": "negative surge", "umbrella": "many topics at once", "event": "event",
        "no_data": "no data", "tone": "tone", "attention": "attention", "both": "tone and attention",
    },
    "zh": {
        "why": "原因", "stories": "来源报道", "more": "另有 {} 条预警", "none": "没有需要通知的内容。",
        "firing": "触发中", "resolved": "已结束", "fired_and_resolved": "已触发并结束",
        "critical": "严重", "warning": "警告", "seen": "负面报道 {} 篇，预期 {} 篇（{} 倍）",
        "open": "查看", "acknowledge": "确认", "snooze": "恶化前不再通知", "assigned": "指派给 {}",
        "acknowledged": "由 {} 确认", "members": "涵盖 {}", "counts": "{} 条触发中，{} 条已结束",
        "surge": "负面舆情激增", "umbrella": "多主题同时异动", "event": "事件",
        "no_data": "数据中断", "tone": "语气", "attention": "关注度", "both": "语气与关注度",
    },
}  # fmt: skip


def plain(text: str, most: int = TITLE) -> str:
    """Return text from outside on one line, without what is not seen or calls people."""
    kept = (" " if c.isspace() else c for c in text if c.isspace() or _shown(c))
    bare = " ".join("".join(kept).split())
    bare = _MENTION.sub(lambda found: found[0] + "\u200b", bare)
    return bare if len(bare) <= most else bare[: most - 1] + "…"


def _shown(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cs", "Co", "Cn"} and char not in _HIDDEN


def markdown(text: str, most: int = TITLE) -> str:
    """Return text from outside as Markdown shows it literally, on one line."""
    bare = plain(text, most)
    bare = bare.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\1", bare)


def link(url: str) -> str:
    """Return an address of a story if it is one of the web, with nothing in it that ends it early; else ""."""
    if any(c.isspace() or not _shown(c) for c in url) or len(url) > LONGEST_URL:
        return ""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        return ""
    for char, code in (
        ("(", "%28"),
        (")", "%29"),
        ("<", "%3C"),
        (">", "%3E"),
        ('"', "%22"),
        ("|", "%7C"),
    ):
        url = url.replace(char, code)
    return url


def cut(text: str, most: int) -> str:
    """Return at most ``most`` bytes of UTF-8, whole characters, with an ellipsis where it was cut."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return data.decode("utf-8")
    return data[: max(most - 3, 0)].decode("utf-8", "ignore") + "…"


def headline(item: Item, language: str) -> str:
    """Return what an alert is, in a line without markup."""
    words = WORDS[language]
    state = words[item.also or item.state]
    name = plain(item.series.partition(":")[2] or item.series, 80)
    about = words.get(item.about, plain(item.about, 40))
    parts = [f"[{words[item.severity]}] {name}: {words[item.kind]}"]
    if about and item.kind in {"surge", "event"}:
        parts.append(f"({about})")
    return " ".join([*parts, "-", state])


def figures(item: Item, language: str) -> str:
    """Return what was seen against what was expected, and who has it, in a line."""
    words, told = WORDS[language], []
    if item.ratio is not None and item.observed is not None and item.expected is not None:
        told.append(
            words["seen"].format(item.observed, f"{item.expected:.1f}", f"{item.ratio:.1f}")
        )
    if item.members:
        names = ", ".join(plain(m.partition(":")[2] or m, 40) for m in item.members)
        told.append(words["members"].format(names))
    if item.acknowledged:
        told.append(words["acknowledged"].format(plain(item.acknowledged, 60)))
    if item.assigned:
        told.append(words["assigned"].format(plain(item.assigned, 60)))
    return "; ".join(told)
