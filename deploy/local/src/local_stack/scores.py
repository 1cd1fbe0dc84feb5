"""Two runs of a game, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes
from shared_libs.common.json_text import parse_json

BEFORE, AFTER = "by jersey colours", "and by the model"


class Scores(NamedTuple):
    """How well tracks agree with the truth: hota and idf1 from 0 to 1, switches of identity counted."""

    hota: float
    idf1: float
    switches: int


def read_scores(path: Path) -> Scores:
    """What `service-tracking evaluate --json` printed. Raises InputError."""
    document = parse_json(path, read_bytes(path))
    try:
        return Scores(float(document["hota"]), float(document["idf1"]), int(document["switches"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(path, f"is not what `evaluate --json` prints: {error!r}") from error


def table_of_scores(before: Scores, after: Scores) -> str:
    """Both, and the change, below headings."""
    shares = [(_percent(old), _percent(new)) for old, new in zip(before[:2], after[:2], strict=True)]
    rows = [
        ("", "HOTA", "IDF1", "identity switches"),
        (BEFORE, *(f"{old:.1f} %" for old, _ in shares), f"{before.switches:,}"),
        (AFTER, *(f"{new:.1f} %" for _, new in shares), f"{after.switches:,}"),
        ("change", *(f"{new - old:+.1f}  " for old, new in shares), f"{after.switches - before.switches:+,}"),
    ]
    return _table(rows)


def table_of_counts(before: tuple[int, int], after: tuple[int, int]) -> str:
    """Players and tracks of both, below headings: of a game whose truth is not known."""
    rows = ((name, *(f"{number:,}" for number in each)) for name, each in ((BEFORE, before), (AFTER, after)))
    return _table([("", "players", "tracks"), *rows])


def gain(before: Scores, after: Scores) -> float:
    """By how many percent HOTA rose, of the numbers that are shown."""
    return _percent(after.hota) - _percent(before.hota)


def verdict(before: Scores, after: Scores) -> str:
    """What the change means, in a sentence."""
    change = gain(before, after)
    if change > 0:
        return "The model helped."
    if change < 0:
        return "The model did harm, as so short a training on one short game may; more games and more time help."
    return "The model made no difference: one short game and so short a training are little."


def _percent(share: float) -> float:
    """As it is shown, so that a change is that of the numbers that are seen."""
    return round(100 * share, 1)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        aligned = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("   ".join([name.ljust(widths[0]), *aligned]).rstrip())
    return "\n".join(lines)
