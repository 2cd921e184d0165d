"""Figures and tables as Markdown. Pure."""

from collections.abc import Sequence

from training.evaluation.bootstrap import Estimate


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; a bar inside a cell stays one."""
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines]


def ranged(figure: Estimate) -> str:
    """Return a figure with its interval: ``.812 [.790, .833]``."""
    return f"{short(figure.value)} [{short(figure.low)}, {short(figure.high)}]"


def signed(figure: Estimate) -> str:
    """Return a difference in points of a hundred: ``+5.2 [+3.1, +7.2]``."""
    value, low, high = (f"{100 * each:+.1f}" for each in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"


def short(value: float) -> str:
    """Return three decimals, without the zero before them."""
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0") else text.replace("-0.", "-.", 1)


def percent(figure: Estimate) -> str:
    """Return a share with its interval: ``4.0 % [2.1, 7.4]``."""
    return f"{100 * figure.value:.1f} % [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 thread``, ``2 threads``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def quoted(text: str, most: int = 160) -> str:
    """Return a text as it may stand in a line of Markdown, cut if long."""
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return "`" + cut.replace("`", "'").replace("\n", " ") + "`"
