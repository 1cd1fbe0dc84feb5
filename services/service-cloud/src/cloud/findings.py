"""What `doctor` finds: one thing looked at, whether it is as it should be, and what to do where it is not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """what: was looked at, in a few words. says: what was found. hint: what to do; None where nothing is to be done."""

    what: str
    ok: bool
    says: str
    hint: str | None = None
