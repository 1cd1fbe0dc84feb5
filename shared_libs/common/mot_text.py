"""MOTChallenge text: det.txt, gt.txt and result files.

One box a line, comma-separated: `frame, id, left, top, width, height[, score[, class[, …]]]`; frames count from 1;
left and top in pixels from 0 of the displayed picture, taken as they are. Columns by number:

- 6: no score (1.0 is taken), 7 and more: the seventh is the score, unbounded as in MOT15, but finite.
- 8 and more: the eighth is the class. In files of 10 and more columns it may be the world's x of MOT15 instead
  (known by not being whole numbers); then there is no class, nor where it is -1.
- exactly 9, or a file called gt.txt, and the seventh column nothing but 0 and 1: ground truth, where the seventh
  column is a flag (0 = not to be judged).

Format: https://motchallenge.net/instructions, and Milan et al., MOT16, arXiv:1603.00831, table 5.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from shared_libs.common.boxes import UNKNOWN_CLASS, Floats, Place, RawBoxes
from shared_libs.common.errors import InputError, PathLike

FEWEST_COLUMNS = 6
GROUND_TRUTH_COLUMNS = 9
FIRST_FRAME = 1

_DIGITS = r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)"
_NUMBER = re.compile(_DIGITS, re.IGNORECASE | re.ASCII)
_NUMBERS = re.compile(f"{_DIGITS}(?:,{_DIGITS})*", re.IGNORECASE | re.ASCII)
_FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?\s*([^\r\n]+)")
_NAMES = ("frame", "id", "left", "top", "width", "height", "score", "class", "visibility")
_EXPECTED = "write one box a line: frame,id,left,top,width,height,score"


@dataclass(frozen=True, slots=True)
class MotText:
    """A parsed file: the boxes, and whether the seventh column is ground truth's flag instead of a score."""

    boxes: RawBoxes
    is_ground_truth: bool


def looks_like_mot(text: bytes) -> bool:
    """Whether the first line with anything on it has as many columns as a MOTChallenge row."""
    first = _FIRST_LINE.match(text)
    return first is not None and first[1].count(b",") >= FEWEST_COLUMNS - 1


def parse_mot(path: PathLike, text: bytes) -> MotText:
    """The rows of a MOTChallenge file. Raises InputError naming the line and cause of the first that is wrong.

    The common case goes through Arrow's CSV reader (a million boxes in well under a second); only where that
    refuses, or a value turns out wrong, the slow reader finds the line.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    table = _parse_fast(text)
    lines: list[int] | None = None
    if table is None:
        table, lines = _parse_slow(path, text)
    ground_truth = table.shape[1] == GROUND_TRUTH_COLUMNS or (Path(path).name == "gt.txt" and table.shape[1] > 6)
    ground_truth = ground_truth and bool(np.isin(table[:, 6], (0, 1)).all())

    def place(row: int) -> Place:
        numbers = lines if lines is not None else _parse_slow(path, text)[1]
        return Place(line=numbers[row])

    rows = len(table)
    with np.errstate(over="ignore", invalid="ignore"):
        xyxy = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    boxes = RawBoxes(
        frame=table[:, 0] - FIRST_FRAME,
        xyxy=xyxy,
        score=table[:, 6] if table.shape[1] > 6 else np.ones(rows),
        class_id=_classes(table),
        track_id=table[:, 1],
        source=None,
        frame_count=None,
        place=place,
        first_frame=FIRST_FRAME,
    )
    boxes.check(path)
    if not np.isfinite(table[:, 1]).all():
        raise place(int(np.argmin(np.isfinite(table[:, 1])))).error(path, "the id must be a finite number")
    return MotText(boxes, ground_truth)


def format_mot(
    frame: npt.NDArray[np.int32],
    track_id: npt.NDArray[np.int32],
    xyxy: npt.NDArray[np.float32],
    score: npt.NDArray[np.float32],
    class_id: npt.NDArray[np.int16],
) -> bytes:
    """The rows as MOTChallenge result text, ten columns, frames from 1.

    Numbers have as many digits as float32 needs, and the size is written so that reading gives the very same
    corners back.
    """
    low = _shortest(xyxy[:, :2].ravel())
    low_read = pc.cast(low, pa.float64()).to_numpy(zero_copy_only=False).reshape(-1, 2)
    size = (xyxy[:, 2:].astype(np.float64) - low_read).astype(np.float32)
    size_text = _shortest(size.ravel())
    size_read = pc.cast(size_text, pa.float64()).to_numpy(zero_copy_only=False).reshape(-1, 2)
    with np.errstate(over="ignore"):
        inexact = (((low_read + size_read).astype(np.float32) != xyxy[:, 2:]) | ~(size_read > 0)).ravel()
    if inexact.any():
        exact = pc.cast(pa.array((xyxy[:, 2:].astype(np.float64) - low_read).ravel()), pa.string())
        size_text = pc.if_else(pa.array(inexact), exact, size_text)
    minus_one = pa.array(np.full(len(frame), -1, np.int8))
    columns = [
        pa.array(frame.astype(np.int64) + FIRST_FRAME),
        pa.array(track_id),
        low.take(pa.array(np.arange(0, len(low), 2))),
        low.take(pa.array(np.arange(1, len(low), 2))),
        size_text.take(pa.array(np.arange(0, len(low), 2))),
        size_text.take(pa.array(np.arange(1, len(low), 2))),
        _shortest(score),
        pa.array(class_id),
        minus_one,
        minus_one,
    ]
    table = pa.Table.from_arrays(columns, names=[f"c{i}" for i in range(len(columns))])
    buffer = BytesIO()
    csv.write_csv(table, buffer, csv.WriteOptions(include_header=False, quoting_style="none"))
    return buffer.getvalue()


def shortest_text(values: npt.NDArray[np.float32]) -> list[str]:
    """Each number with the fewest digits that give the float32 back; a valid JSON number too, where finite."""
    texts: list[str] = _shortest(values).to_pylist()
    return ["-0.0" if text == "-0" else text for text in texts]  # JSON's -0 is a whole number and has no sign


def _shortest(values: npt.NDArray[np.float32]) -> pa.Array:
    return pc.cast(pa.array(values), pa.string())


def _parse_fast(text: bytes) -> Floats | None:
    """(n, columns) float64, or None where any cell or row is not as expected."""
    first = _FIRST_LINE.match(text)
    names = [str(i) for i in range(first[1].count(b",") + 1 if first else 0)]
    if len(names) < FEWEST_COLUMNS:
        return None
    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=csv.ParseOptions(quote_char=False),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.float64()), null_values=[]),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows == 0:
        return None
    result = np.empty((table.num_rows, len(names)))
    for i, column in enumerate(table.columns):
        result[:, i] = column.to_numpy()
    return result


def _parse_slow(path: PathLike, text: bytes) -> tuple[Floats, list[int]]:
    """As `_parse_fast`, with the line number of each row; raises InputError for the first line that is wrong."""
    rows: list[list[float]] = []
    lines: list[int] = []
    width = 0
    for number, line in enumerate(text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), start=1):
        content = line.decode("utf-8", "backslashreplace").strip()
        if not content:
            continue
        cells = [cell.strip() for cell in content.split(",")]
        if len(cells) > FEWEST_COLUMNS and not cells[-1]:
            cells.pop()  # a comma at the end of the line
        if len(cells) < FEWEST_COLUMNS:
            cause = f"has {_columns(len(cells))}, needs at least {FEWEST_COLUMNS}"
            raise InputError(path, cause, line=number, hint=_EXPECTED)
        if rows and len(cells) != width:
            cause = f"has {_columns(len(cells))}, the lines before have {width}"
            raise InputError(path, cause, line=number, hint="the file may be cut off or damaged here")
        width = len(cells)
        if not _NUMBERS.fullmatch(",".join(cells)):
            raise _bad_cell(path, cells, number, is_first=not rows)
        rows.append(list(map(float, cells)))
        lines.append(number)
    if not rows:
        raise InputError(path, "has no boxes", hint=_EXPECTED)
    return np.array(rows), lines


def _bad_cell(path: PathLike, cells: list[str], line: int, *, is_first: bool) -> InputError:
    numbers = [_NUMBER.fullmatch(cell) is not None for cell in cells]
    column = numbers.index(False)
    name = _NAMES[column] if column < len(_NAMES) else f"column {column + 1}"
    cell = cells[column]
    shown = repr(cell if len(cell) <= 40 else cell[:40] + "...") if cell else "empty"
    hint = "remove the header line" if is_first and not any(numbers) else None
    return InputError(path, f"{name} is not a number: {shown}", line=line, hint=hint)


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _classes(table: Floats) -> Floats:
    if table.shape[1] < 8:
        return np.full(len(table), float(UNKNOWN_CLASS))
    classes: Floats = table[:, 7]
    if table.shape[1] > GROUND_TRUTH_COLUMNS and not (classes == np.floor(classes)).all():
        return np.full(len(table), float(UNKNOWN_CLASS))  # the world's x
    return classes
