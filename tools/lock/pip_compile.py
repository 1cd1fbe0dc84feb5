"""pip-compile, run in a process of its own: `python -m lock.pip_compile …` takes pip-compile's arguments.

It differs in one thing. pip-tools takes hashes from PyPI's JSON interface, and downloads every file that is not there
to hash it: for PyTorch's index that would be each wheel of a release, for every platform, some gigabytes. Every index
states the SHA-256 in its links, and pip checks what it installs against the lock, so the stated one is taken.
"""

from pip._internal.models.link import Link
from piptools.repositories.pypi import PyPIRepository
from piptools.scripts.compile import cli

_download_and_hash = PyPIRepository._get_file_hash


def stated_hash(repository: PyPIRepository, link: Link) -> str:
    """`sha256:<hex>` of the file behind a link: as the index states it, else by downloading the file."""
    if link.hash_name == "sha256" and link.hash:
        return f"sha256:{link.hash}"
    downloaded: str = _download_and_hash(repository, link)
    return downloaded


if __name__ == "__main__":
    setattr(PyPIRepository, "_get_file_hash", stated_hash)  # noqa: B010 - a method may not be assigned to, says mypy
    cli(prog_name="pip-compile")
