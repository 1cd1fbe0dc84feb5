"""Which format a file of boxes has, told by its content, never by its name."""

from dataclasses import dataclass

from shared_libs.common import laxai_json, mot_text, parquet_table
from shared_libs.common.boxes import RawBoxes
from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import read_bytes

FORMATS_READ = "MOTChallenge text, LaxAI JSON (columns, rows, or objects per frame), or Parquet"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file's rows; `is_ground_truth` where the score column is MOTChallenge's flag."""

    boxes: RawBoxes | None  # None: the file is empty
    is_ground_truth: bool = False


def parse_file(path: PathLike, noun: str) -> ParsedFile:
    """The rows of a file in any of the formats. Raises InputError; `noun` says what was expected ("detections")."""
    content = read_bytes(path)
    if not content.strip():
        return ParsedFile(None)
    if content.startswith(parquet_table.MAGIC):
        return ParsedFile(parquet_table.parse_boxes(path, content))
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        if _is_binary(content):
            raise unknown_format(path, noun)
        return ParsedFile(laxai_json.parse_boxes(path, content))
    if _is_binary(content) or not mot_text.looks_like_mot(content):
        raise unknown_format(path, noun)
    parsed = mot_text.parse_mot(path, content)
    return ParsedFile(parsed.boxes, parsed.is_ground_truth)


def unknown_format(path: PathLike, noun: str) -> InputError:
    """The error for a file that is none of the formats."""
    return InputError(path, f"not a {noun} file", hint=f"it must be {FORMATS_READ}")


def empty_file(path: PathLike, noun: str) -> InputError:
    """The error for a file with nothing in it."""
    return InputError(path, "the file is empty", hint=f"a {noun} file is {FORMATS_READ}")


def _is_binary(content: bytes) -> bool:
    """Whether the first bytes hold what no text holds."""
    return any(byte < 32 and byte not in b"\t\n\r\f" for byte in content[:4096])
