"""
Names to put in place of others: none of them is a company or a person that is in the news.

A model that answers otherwise when only the name changes has learnt the name. Names of institutions,
exchanges and makers of indices are left alone, for another central bank is another fact, and so are
cashtags, which name a listing. Pure; which name comes is fixed by the text.
"""

import re
import zlib
from collections.abc import Sequence
from typing import Final

from training.examples import Span

COMPANIES: Final = (
    "Norvane", "Halden Works", "Brimstead Group", "Ostra Systems", "Kelmoor", "Tarvane Holdings",
    "Lunesta Foods", "Quillon", "Vardis Energy", "Merrow Bank", "Pellican Tech", "Ardent Mills",
    "Solvera", "Corrin Shipping", "Wexholm", "Dalby Motors",
)  # fmt: skip
PERSONS: Final = (
    "Anna Kowalska", "Rajesh Iyer", "Maria Oyelaran", "Tomas Lindqvist", "Chen Wei", "Fatima Haddad",
    "John Merrick", "Sofia Duarte", "Kenji Morita", "Olga Petrenko", "Samuel Adeyemi", "Claire Vasseur",
)  # fmt: skip
CHINESE_COMPANIES: Final = ("恒澜科技", "瑞泊股份", "晟禾集团", "远岑能源", "博屿银行", "启穗食品")
CHINESE_PERSONS: Final = ("李文浩", "王思远", "陈雨桐", "赵启明", "周静怡", "吴承宇")
COMPANY_LABELS: Final = frozenset({"ORG", "COMPANY", "ORGANIZATION", "ISSUER"})
PERSON_LABELS: Final = frozenset({"PER", "PERSON"})
_INSTITUTION: Final = re.compile(
    r"\b(?:fed|federal|reserve|ministry|treasury|commission|government|parliament|congress|senate|court"
    r"|union|ecb|sec|fda|opec|imf|eu|un|nato|wto|boj|boe|norges bank|riksbank|bundesbank|national bank|reuters|bloomberg|afp|central bank|bank of)\b"
    r"|央行|银保监|证监|财政部|国务院|法院|政府|交易所|委员会",
    re.IGNORECASE,
)


_EXCHANGE: Final = re.compile(
    r"\b(?:msci|nyse|nasdaq|nasdaq ?100|ftse|dow jones|s&p|s&p ?500|stoxx|dax|cac|nikkei|hang seng|sensex|nifty"
    r"|cboe|cme|lse|euronext|russell|moody'?s|fitch|exchange|bourse|index)\b|指数|沪深|上证|深证|恒生",
    re.IGNORECASE,
)
_CASHTAG: Final = re.compile(r"\$[A-Za-z]")


def _of_company(text: str, span: Span) -> bool:
    """Whether a stretch is the name of a company of which the text speaks."""
    name = text[span.start : span.end]
    tagged = _CASHTAG.match(name) or text[max(0, span.start - 1) : span.start] == "$"
    return not (tagged or _INSTITUTION.search(name) or _EXCHANGE.search(name))


def swap_names(text: str, spans: Sequence[Span], kind: str) -> str | None:
    """
    Return the text with its company names (or person names) changed, each alike wherever it stands.

    ``kind`` is ``company_names`` or ``person_names``. None where there is nothing to change.
    """
    company = kind == "company_names"
    wanted = COMPANY_LABELS if company else PERSON_LABELS
    named = sorted(span for span in spans if span.label.upper() in wanted)
    if company:
        named = [span for span in named if _of_company(text, span)]
    if not named:
        return None
    parts, at = [], 0
    for start, end, _ in named:
        parts += [text[at:start], _other(text[start:end], company=company)]
        at = end
    return "".join([*parts, text[at:]])


def _other(name: str, *, company: bool) -> str:
    pool: tuple[str, ...]
    if any("\u4e00" <= c <= "\u9fff" for c in name):
        pool = CHINESE_COMPANIES if company else CHINESE_PERSONS
    else:
        pool = COMPANIES if company else PERSONS
    place = zlib.crc32(name.casefold().encode())
    chosen = pool[place % len(pool)]
    if chosen.casefold() == name.casefold():
        chosen = pool[(place + 1) % len(pool)]
    return chosen.upper() if name.isupper() and len(name) > 5 else chosen  # noqa: PLR2004 - no acronym
