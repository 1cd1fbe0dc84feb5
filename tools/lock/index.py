"""Asks the package indexes that pip is configured with, through pip's own code."""

import contextlib
import logging
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from pip._internal.exceptions import PipError
from pip._internal.models.link import Link
from pip._internal.network.lazy_wheel import HTTPRangeRequestUnsupported, LazyZipOverHTTP
from pip._internal.utils.temp_dir import global_tempdir_manager
from piptools.locations import CACHE_DIR
from piptools.repositories.pypi import PyPIRepository, open_local_or_remote_file

from lock.pip_compile import stated_hash
from shared_libs.common.errors import InputError

PROBE_SECONDS = 2.0

# A folder of wheels that lacks some package is no news.
logging.getLogger("pip._internal.index.sources").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A wheel that an index offers. `sha256` is 64 hex digits; `tags` are `interpreter-abi-platform` strings."""

    filename: str
    sha256: str
    tags: frozenset[str]
    link: Link


class PackageIndex:
    """The indexes and folders of pip's configuration, and `extra_index_urls`."""

    def __init__(self, extra_index_urls: Sequence[str] = ()) -> None:
        self._extra = tuple(extra_index_urls)

    @cached_property
    def _repository(self) -> PyPIRepository:
        arguments = ["--only-binary", ":all:"]
        for url in self._extra:
            arguments += ["--extra-index-url", url]
        return PyPIRepository(arguments, cache_dir=CACHE_DIR)

    def wheel_for_here(self, name: str, version: str) -> WheelFile:
        """The wheel that pip would install here. Raises InputError where no index offers one."""
        finder = self._repository.finder
        offered = [c for c in self._repository.find_all_candidates(name) if str(c.version) == version]
        best = finder.make_candidate_evaluator(name).sort_best_candidate(offered)
        if best is None or not best.link.is_wheel:
            raise InputError(f"{name}=={version}", "no index offers a wheel of it for this machine")
        return self._wheel(best.link)

    def wheels_everywhere(self, name: str, version: str) -> list[WheelFile]:
        """Every wheel of a version, for whatever platform and interpreter, by file name."""
        with self._repository.allow_all_wheels():
            links = [c.link for c in self._repository.find_all_candidates(name) if str(c.version) == version]
        return sorted((self._wheel(link) for link in links if link.is_wheel), key=lambda wheel: wheel.filename)

    def files_in(self, wheel: WheelFile) -> list[str]:
        """The paths inside a wheel. Only its table of contents is fetched, where the server can give parts of files."""
        try:
            with self._open(wheel.link) as archive:
                return archive.namelist()
        except (OSError, PipError, zipfile.BadZipFile) as error:
            raise InputError(wheel.filename, f"cannot be read from its index: {error}", hint="run it again") from error

    def _wheel(self, link: Link) -> WheelFile:
        try:
            tags = parse_wheel_filename(link.filename)[3]
        except InvalidWheelFilename as error:
            raise InputError(link.filename, "an index offers a wheel with a malformed name") from error
        digest = stated_hash(self._repository, link)
        return WheelFile(link.filename, digest.removeprefix("sha256:"), frozenset(str(tag) for tag in tags), link)

    @contextlib.contextmanager
    def _open(self, link: Link) -> Iterator[zipfile.ZipFile]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(global_tempdir_manager())
            file: Any = link.file_path if link.is_file else self._remote(link, stack)
            yield stack.enter_context(zipfile.ZipFile(file))

    def _remote(self, link: Link, stack: contextlib.ExitStack) -> Any:
        session = self._repository.session
        try:
            return stack.enter_context(LazyZipOverHTTP(link.url_without_fragment, session))
        except HTTPRangeRequestUnsupported:
            whole = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
            shutil.copyfileobj(stack.enter_context(open_local_or_remote_file(link, session)).stream, whole)
            return whole


def is_reachable(url: str, seconds: float = PROBE_SECONDS) -> bool:
    """Whether an index answers within `seconds`, asked the way pip asks: with its proxies and certificates."""
    if urlsplit(url).scheme == "file":
        return Path(unquote(urlsplit(url).path)).exists()
    answers: list[bool] = []
    # In a thread, since looking up a name knows no time limit.
    asking = threading.Thread(target=lambda: answers.append(_answers(url, seconds)), daemon=True)
    asking.start()
    asking.join(seconds)
    return answers == [True]


def _answers(url: str, seconds: float) -> bool:
    repository = PyPIRepository([], cache_dir=CACHE_DIR)
    try:
        with repository.command._build_session(repository.options, retries=0) as session:
            return bool(session.head(url, timeout=seconds, allow_redirects=True).status_code < 400)
    except (OSError, PipError):
        return False


def drop_unreachable(urls: Sequence[str], say: Callable[[str], None]) -> list[str]:
    """Those of `urls` that answer; each other one is named through `say`."""
    reached = []
    for url in urls:
        if is_reachable(url):
            reached.append(url)
        else:
            say(f"{url} does not answer within {PROBE_SECONDS:g} s: left out, pip's other sources are used")
    return reached
