"""
The words that say little, and those that say something else than their opposite: English and Chinese.

Rule: every list holds words as ``stem`` leaves them.
"""

from typing import Final

_LEAST: Final = 4
"""Shorter words keep their ``s``: *gas*, *US*."""


def stem(word: str) -> str:
    """Cut a possessive and a plural or third person's ``s``."""
    word = word.removesuffix("'s").removesuffix("’s")
    if len(word) > _LEAST and word.endswith(("shes", "ches", "sses", "xes")):
        return word[:-2]
    if len(word) >= _LEAST and word.endswith("s") and word[-2] not in "siu":
        return word[:-1]
    return word


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _stems(words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words.split())


OUTLET: Final = _listed(
    "news wire newswire times post journal herald tribune ledger gazette chronicle observer daily "
    "reuters bloomberg cnbc guardian afp dpa xinhua press media report online today"
)
STOP: Final = _listed(
    "a an the of to in on at for by from with as and or is are was were be been its it his her their "
    "that this these those has have had will would says say said after amid over into s us than "
    "monday tuesday wednesday thursday friday saturday sunday today "
    "的 了 在 是 将 与 和 对 于 并 为 等"
)
SPELT: Final = _listed(
    "one two three four five six seven eight nine ten eleven twelve dozen hundred thousand million "
    "billion trillion first second third fourth fifth half double triple quarter january "
    "february march april june july august september october november december 一 二 三 四 五 六 七 "
    "八 九 十 百 千 万 亿"
)
UP: Final = _stems(
    "up rise rises rose rising risen gain gains gained climb climbs climbed jump jumps jumped soar "
    "soars soared surge surges surged rally rallies rallied advance advances advanced beat beats "
    "raise raises raised lift lifts lifted hike hikes hiked increase increases increased grow grows "
    "grew growth win wins won profit upgrade upgrades upgraded higher above buy buys bought bullish "
    "approve approves approved stronger better expand expands expanded rebound rebounds rebounded "
    "recover recovers recovered accept accepts accepted support supports supported hire hires hired "
    "open opens opened start starts started positive widen widens strengthen strengthens more "
    "涨 升 增 盈 买 高 强 多 扩"
)
DOWN: Final = _stems(
    "down fall falls fell falling fallen drop drops dropped slide slides slid slump slumps slumped "
    "sink sinks sank plunge plunges plunged tumble tumbles tumbled decline declines declined miss "
    "misses missed cut cuts lower lowers lowered reduce reduces reduced decrease decreases decreased "
    "shrink shrinks shrank lose loses lost loss losses downgrade downgrades downgraded below sell "
    "sells sold bearish reject rejects rejected weaker worse weaken weakens weakened fire fires fired "
    "close closes closed halt halts halted stop stops stopped end ends ended negative narrow narrows "
    "oppose opposes opposed block blocks blocked less fewer 跌 降 减 亏 卖 低 弱 少 缩"
)
NOT: Final = _stems(
    "not no never none without neither nor cannot deny denies denied denial refuse refuses refused "
    "fail fails failed unlikely avoid avoids avoided 不 未 没 无 非 否"
)
