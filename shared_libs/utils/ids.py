"""Ids that say what they name: `video_3f9a0c51d2e7`, a kind and twelve random hex digits."""

import re
import secrets

HEX_DIGITS = 12

_KIND = re.compile(r"[a-z]{1,24}")
_ID = re.compile(r"([a-z]{1,24})_([0-9a-f]{12})")


def new_id(kind: str) -> str:
    """A new id of a kind (1 to 24 lower-case letters). 48 random bits: a million ids clash with 1 in 560."""
    if not _KIND.fullmatch(kind):
        raise ValueError(f"a kind is 1 to 24 lower-case letters, not {kind!r}")
    return f"{kind}_{secrets.token_hex(HEX_DIGITS // 2)}"


def parse_id(text: str, kind: str | None = None) -> tuple[str, str]:
    """An id's kind and hex digits. Raises ValueError where it is not an id, or not of `kind`."""
    match = _ID.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is not an id: a kind, an underscore and {HEX_DIGITS} hex digits")
    if kind is not None and match[1] != kind:
        raise ValueError(f"{text!r} is not the id of a {kind}")
    return match[1], match[2]
