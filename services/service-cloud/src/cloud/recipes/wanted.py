"""Files that a job wants from storage, brought to its work folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cloud.recipes.recipe import Report
from shared_libs.common.errors import InputError
from shared_libs.common.stored_files import StoredFiles


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of storage, its size in bytes, and where it is to lie."""

    path: str
    size: int
    target: Path


def needed(files: StoredFiles, path: str, target: Path, otherwise: InputError) -> Wanted:
    """The file at `path` of storage; raises `otherwise` where there is none."""
    size = files.size(path)
    if size is None:
        raise otherwise
    return Wanted(path, size, target)


def welcome(files: StoredFiles, path: str, target: Path) -> list[Wanted]:
    """The same where there is one. Where there is none, what an earlier fetch has left at `target` goes."""
    size = files.size(path)
    if size is not None:
        return [Wanted(path, size, target)]
    target.unlink(missing_ok=True)
    return []


def download_all(files: StoredFiles, wanted: Sequence[Wanted], report: Report) -> None:
    """Brings all of it; what is there and equal is not fetched again. `report` is told of it as one transfer."""
    total = sum(each.size for each in wanted)
    before = 0
    for each in wanted:

        def tell(done: int, of: int, before: int = before) -> None:
            report(min(before + done, total), total)

        files.download(each.path, each.target, report=tell)
        before += each.size
    report(total, total)
