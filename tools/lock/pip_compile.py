"""pip-compile, run in a process of its own: `python -m lock.pip_compile … FILE.in` takes pip-compile's arguments.

It differs in two things.

Hashes are the stated ones. pip-tools takes them from PyPI's JSON interface, and downloads every file that is not there
to hash it: for PyTorch's index that would be each wheel of a release, for every platform, some gigabytes. Every index
states the SHA-256 in its links, and pip checks what it installs against the lock, so the stated one is taken.

A build with a label of its own (2.13.0+cpu) counts only where the .in file names it. To pip it satisfies `==2.13.0` and
is the newer one, so a lock would depend on which builds lie in the folders that this machine's pip is pointed at.
"""

import sys
from collections.abc import Set
from pathlib import Path

from packaging.utils import canonicalize_name
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.candidate import InstallationCandidate
from pip._internal.models.link import Link
from piptools.repositories.pypi import PyPIRepository
from piptools.scripts.compile import cli

from lock.lockfile import read_requirements

_download_and_hash = PyPIRepository._get_file_hash
_find_all_candidates = PackageFinder.find_all_candidates


def stated_hash(repository: PyPIRepository, link: Link) -> str:
    """`sha256:<hex>` of the file behind a link: as the index states it, else by downloading the file."""
    if link.hash_name == "sha256" and link.hash:
        return f"sha256:{link.hash}"
    downloaded: str = _download_and_hash(repository, link)
    return downloaded


def drop_unnamed_builds(named: Set[tuple[str, str | None]]) -> None:
    """Makes pip overlook every version with a label, but for those in `named`: (normalised project, version)."""

    def find_all_candidates(finder: PackageFinder, project: str) -> list[InstallationCandidate]:
        found = _find_all_candidates(finder, project)
        name = canonicalize_name(project)
        return [c for c in found if c.version.local is None or (name, str(c.version)) in named]

    setattr(PackageFinder, "find_all_candidates", find_all_candidates)  # noqa: B010 - as below


if __name__ == "__main__":
    setattr(PyPIRepository, "_get_file_hash", stated_hash)  # noqa: B010 - a method may not be assigned to, says mypy
    drop_unnamed_builds({(asked.name, asked.exact_version) for asked in read_requirements(Path(sys.argv[-1])).asked})
    cli(prog_name="pip-compile")
