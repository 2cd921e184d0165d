"""
The words of a text that spoke for a label.

A head's logits are the sum of what each token adds to them, plus a bias (``training.model``); what a word
adds is the sum over its pieces. Rules: a word speaks for a label by as much as it adds to its logit over
what it adds to the others on average; a word ends at white space, and where a script does without, at
the tokenizer's words; marks at its edges are no part of it; a word that stands several times counts once,
with all that it adds; articles, prepositions and their like say nothing to a reader, and are left out. Pure.
"""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from groundswell.models.scores import Contributions
from groundswell.models.tokens import Words

WORDS_SHOWN: Final = 5
WORD_KEPT: Final = 40
"""Characters of a word."""

_EDGES: Final = re.compile(r"^[^\w$€£¥+-]+|[^\w%‰]+$")
_LITTLE: Final = (
    "a an the of to in on at for by from with as and or but if so than then into onto over amid after "
    "before is are was were be been being am do does did has have had will would can could may might "
    "shall should it its he his him she her hers they their them we our us you your i my me this that "
    "these those there here who whom whose which what when where why how some any each such very just "
    "also too own say says said s 的 了 在 是 将 与 和 对 于 并 为 等 也 都 就 而 及 或 这 那 其"
)
_UNSAID: Final = frozenset(_LITTLE.split())
_UNSPACED: Final = 0x2E80
"""From here on stand the scripts that write words without white space between them."""


def spoke_for(label: int, adds: Contributions, words: Words) -> tuple[str, ...]:
    """
    Return at most ``WORDS_SHOWN`` words that speak for column ``label``, the strongest first.

    ``adds`` is [tokens, labels] for this text; nothing is returned where it is not finite.
    """
    if not words.places:
        return ()
    others = adds.shape[1] - 1
    ours = adds[: words.stop, label] * (1 + 1 / others) - adds[: words.stop].sum(axis=1) / others
    each = np.add.reduceat(ours, words.places)
    if not each.max() > 0.0:  # nor NaN
        return ()
    weights = each.tolist()
    found: dict[str, tuple[float, str]] = {}
    for start, end, first, last in _whole(words):
        word = _EDGES.sub("", words.text[start:end])[:WORD_KEPT]
        folded = word.casefold()
        if folded not in _UNSAID and any(map(str.isalnum, word)):
            before, shown = found.get(folded, (0.0, word))
            found[folded] = before + sum(weights[first:last]), shown
    ranked = sorted(found.values(), key=lambda pair: -pair[0])
    return tuple(word for weight, word in ranked[:WORDS_SHOWN] if weight > 0.0)


def _whole(words: Words) -> Iterator[tuple[int, int, int, int]]:
    """Yield start and end of what is written in one, and which of the tokenizer's words it is."""
    text, starts, ends = words.text, words.starts, words.ends
    first = 0
    for place in range(1, len(starts) + 1):
        if (
            place < len(starts)
            and starts[place] == ends[place - 1]
            and ord(text[starts[place]]) < _UNSPACED
            and ord(text[starts[place] - 1]) < _UNSPACED
        ):
            continue
        yield starts[first], ends[place - 1], first, place
        first = place
