"""JSON text in and out; where it is broken, the place, and whether the file was cut off there."""

import json
import re
from typing import Any

from shared_libs.common.errors import InputError, PathLike

# What may stand between the place where the decoder gave up and the end of a file that was cut off there.
_CUT_VALUE = re.compile(r"\\?|\.|[eE][+-]?|-")
_CUT_OFF = "the file seems cut off; write or copy it again"
_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")


def parse_json(path: PathLike, text: bytes) -> Any:
    """The decoded document. Raises InputError with line, column and byte, and says when the file seems cut off."""
    try:
        decoded = text.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        if error.reason == "unexpected end of data":
            cause = f"the JSON breaks off inside a letter at byte {error.start + 1}"
            raise InputError(path, cause, line=line, hint=_CUT_OFF) from None
        cause = f"is not JSON: byte {error.start + 1} is not UTF-8 text"
        raise InputError(path, cause, line=line, hint="the file may be damaged or of another kind") from None
    try:
        return json.loads(decoded)
    except json.JSONDecodeError as error:
        byte = len(decoded[: error.pos].encode()) + 1
        where = f"line {error.lineno}, column {error.colno}, byte {byte}"
        if _is_cut_off(decoded, error):
            cause = f"the JSON breaks off at {where}"
            raise InputError(path, cause, line=error.lineno, hint=_CUT_OFF) from None
        raise InputError(path, f"is not valid JSON at {where}: {error.msg}", line=error.lineno) from None
    except RecursionError:
        raise InputError(path, "the JSON is nested too deeply") from None
    except ValueError as error:  # a whole number with thousands of digits
        raise InputError(path, f"is not usable JSON: {error}") from None


def dump_json(document: object) -> bytes:
    """JSON text: UTF-8, two spaces, a line feed at the end; NaN and infinity are refused."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _is_cut_off(text: str, error: json.JSONDecodeError) -> bool:
    rest = text[error.pos :].rstrip()
    if error.msg.startswith("Unterminated string"):
        return True
    if error.msg.startswith(("Invalid \\escape", "Invalid \\uXXXX escape")):
        return len(rest) < len("\\uXXXX\\uXXXX") and '"' not in rest
    return _CUT_VALUE.fullmatch(rest) is not None or (
        error.msg == "Expecting value" and any(literal.startswith(rest) for literal in _LITERALS)
    )
