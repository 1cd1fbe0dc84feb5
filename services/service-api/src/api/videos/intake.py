"""From an upload that has arrived to a video that is ready: checked, stored, prepared for the page.

What is to be done stands in the table, and with whom in the locks of the spool: a process that is killed leaves nothing
behind that its successor would not take up again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from api.videos.catalogue import (
    ProxyState,
    Video,
    VideoState,
    change_from,
    find_video,
    videos_in,
)
from api.videos.confined import Interrupted, Limits, run_confined
from api.videos.film import Film
from api.videos.removal import Remover
from api.videos.shown import PROXY, THUMBNAIL, TIMES, read_times, shown_path
from api.videos.spool import Growing, IsLocked, Spool
from shared_libs.common.errors import InputError, OutputError, UserError
from shared_libs.common.storage import video_folder
from shared_libs.common.stored_files import StoredFiles
from shared_libs.config.logging import get_logger

FORGOTTEN_SECONDS: Final = 7 * 24 * 3600
"""After which an upload that nobody goes on with is given up."""


class Intake:
    """The work behind uploads, in two threads of its own: one for what is short, one for proxies.

    stopping: is set when the service is to end.
    """

    def __init__(
        self, engine: sa.Engine, files: StoredFiles, spool: Spool, remover: Remover, stopping: threading.Event
    ) -> None:
        self.spool = spool
        self.remover = remover
        self._engine = engine
        self._files = files
        self._stopping = stopping
        self._something_short = threading.Event()
        self._something_long = threading.Event()

    def begin(self) -> None:
        """Starts the threads, which take up what was left behind."""
        self.spool.sweep()
        for step, waker in ((self._settle, self._something_short), (self._make_proxies, self._something_long)):
            threading.Thread(target=self._go_on, args=(step, waker), name=step.__name__, daemon=True).start()

    def wake(self) -> None:
        """There is something to do, with an upload that is not locked any more."""
        self._something_short.set()

    def received(self, video: Video) -> int | None:
        """How many bytes of a video have arrived; None where these are not to be had any more."""
        match video.state:
            case VideoState.UPLOADING:
                return self.spool.offset(video.video_id)
            case VideoState.CHECKING | VideoState.STORING | VideoState.READY:
                return video.size
            case _:
                return None

    def check(self, video: Video, upload: Growing) -> Video | None:
        """Looks at an upload that is whole: the video as refused, with the reason, or as on its way to storage.

        None where it goes already. Raises Interrupted, and TransientError where it could not be looked at now; the
        service tries again then.
        """
        states = (VideoState.UPLOADING, VideoState.CHECKING)
        begun = change_from(self._engine, video, states, state=VideoState.CHECKING)
        if begun is None:
            return None
        sha256 = upload.sha256()
        if video.sha256 not in (None, sha256):
            return self._refuse(begun, "the file did not arrive as it was sent (SHA-256) – upload it again")
        seconds = _SECONDS_TO_PROBE + video.size // _BYTES_PROBED_A_SECOND
        try:
            found = run_confined("api.videos.probe", [str(upload.path)], Limits(seconds), self._stopping.is_set)
        except InputError as error:
            return self._refuse(begun, f"{error.cause} – {error.hint}" if error.hint else error.cause)
        film = Film.model_validate(found["film"])
        values = {"sha256": sha256, "suffix": found["suffix"], "film": film.model_dump_json()}
        return change_from(self._engine, begun, states, state=VideoState.STORING, **values)

    def _refuse(self, video: Video, reason: str) -> Video | None:
        values = {"state": VideoState.REFUSED, "reason": reason}
        refused = change_from(self._engine, video, (VideoState.CHECKING,), **values)
        self.spool.remove(video.video_id)
        return refused

    def _go_on(self, step: Callable[[], float], waker: threading.Event) -> None:
        """Again and again: when it is woken, and after the seconds that `step` gives in any case."""
        due = 0.0
        while not self._stopping.is_set():
            if waker.wait(_SECONDS_TO_STOP) or time.monotonic() > due:
                waker.clear()
                seconds = _SECONDS_BETWEEN
                try:
                    seconds = step()
                except Interrupted:
                    pass
                except Exception as error:  # a thread that ends would never be missed
                    get_logger(__name__).error("intake_failed", step=step.__name__, exc_info=error)
                due = time.monotonic() + seconds

    def _settle(self) -> float:
        """All that is short: what has arrived is checked and stored, what is to go goes."""
        for video in videos_in(self._engine, [VideoState.UPLOADING]):
            if self.spool.offset(video.video_id) == video.size:
                self._locked(video, self._check_left)
            elif self.spool.idle_seconds(video.video_id) > FORGOTTEN_SECONDS:
                self._locked(video, lambda left, _: self.remover.begin(left))
        for video in videos_in(self._engine, [VideoState.CHECKING]):
            self._locked(video, self._check_left)
        for video in videos_in(self._engine, [VideoState.STORING]):
            self._locked(video, self._store)
            self._something_long.set()
        leaving = videos_in(self._engine, [VideoState.DELETING])
        for video in leaving:
            self._tried(video, self.remover.finish)
        return _SECONDS_BETWEEN_ASKING_JOBS if leaving else _SECONDS_BETWEEN

    def _check_left(self, video: Video, upload: Growing) -> None:
        if upload.offset == video.size:
            self.check(video, upload)

    def _store(self, video: Video, upload: Growing) -> None:
        assert video.film is not None and video.source is not None
        for name, what in ((THUMBNAIL, "thumbnail"), (TIMES, "times")):
            self._prepare(video, upload, what, name)
        is_over = self._is_over(video)

        def report(done: int, total: int) -> None:
            if is_over():
                raise Interrupted

        self._files.upload(upload.path, video.source, report=report)
        proxy = ProxyState.NONE if video.film.plays_in_browsers else ProxyState.WAITING
        times = read_times(self._files, video)
        film = video.film if times is None else video.film.model_copy(update={"frame_count": len(times)})
        values = {"state": VideoState.READY, "reason": None, "proxy": proxy, "film": film.model_dump_json()}
        ready = change_from(self._engine, video, (VideoState.STORING,), **values)
        if ready is None:
            self._clear(video)
        elif proxy == ProxyState.NONE:
            self.spool.remove(video.video_id)

    def _make_proxies(self) -> float:
        for video in videos_in(self._engine, [VideoState.READY], ProxyState.WAITING):
            if self.spool.offset(video.video_id) is None:
                self._tried(video, self._fetch)
            self._locked(video, self._make_proxy)
        return _SECONDS_BETWEEN_PROXIES

    def _fetch(self, video: Video) -> None:
        """Gets the film back from storage, where the disk that it was on is gone and nobody has made the proxy yet."""
        seen = find_video(self._engine, video.tenant, video.video_id)
        if seen is not None and seen.proxy == ProxyState.WAITING and video.source is not None:
            self._files.download(video.source, self.spool.path(video.video_id))

    def _make_proxy(self, video: Video, upload: Growing) -> None:
        is_made = self._prepare(video, upload, "proxy", PROXY)
        proxy = ProxyState.READY if is_made else ProxyState.FAILED
        if change_from(self._engine, video, (VideoState.READY,), proxy=proxy) is None:
            self._clear(video)
        self.spool.remove(video.video_id)

    def _prepare(self, video: Video, upload: Growing, what: str, name: str) -> bool:
        """Makes one of the files that the page shows, and stores it. Whether the film would have it.

        Raises OutputError where there is no room for it now.
        """
        assert video.film is not None
        seconds = _SECONDS_TO_PREPARE + int(video.film.duration * _SECONDS_A_SECOND)
        output = _OUTPUT + int(video.film.duration * _OUTPUT_A_SECOND)
        limits = Limits(seconds, _MEMORY_TO_PREPARE, output, niceness=10)
        with self.spool.scratch() as made:
            words = [what, str(upload.path), str(made.path)]
            try:
                run_confined("api.videos.preparing", words, limits, self._is_over(video))
            except (InputError, OutputError) as error:
                if isinstance(error, OutputError) and self.spool.room() < _ROOM:
                    raise
                said = {"video_id": video.video_id, "what": what, "cause": error.cause}
                get_logger(__name__).warning("not_prepared", **said)
                return False
            self._files.upload(made.path, shown_path(video, name))
        return True

    def _is_over(self, video: Video) -> Callable[[], bool]:
        """What tells whether the service is to end, or somebody has deleted the video; cheap to ask often."""
        asked = time.monotonic()

        def is_over() -> bool:
            nonlocal asked
            if self._stopping.is_set():
                return True
            if time.monotonic() - asked < _SECONDS_BETWEEN_LOOKS:
                return False
            asked = time.monotonic()
            seen = find_video(self._engine, video.tenant, video.video_id)
            return seen is None or seen.state == VideoState.DELETING

        return is_over

    def _clear(self, video: Video) -> None:
        """What was stored of a video that has gone meanwhile."""
        if find_video(self._engine, video.tenant, video.video_id) is None:
            self._files.remove_folder(video_folder(video.tenant, video.video_id))

    def _locked(self, video: Video, work: Callable[[Video, Growing], object]) -> None:
        """Works on a video's upload if it is on this machine and nobody else does, with the video as it is now."""
        with contextlib.ExitStack() as stack:
            try:
                upload = stack.enter_context(self.spool.locked(video.video_id))
            except (IsLocked, FileNotFoundError):
                return
            now = find_video(self._engine, video.tenant, video.video_id)
            if now is not None and (now.state, now.proxy) == (video.state, video.proxy):
                self._tried(now, lambda left: work(left, upload))

    def _tried(self, video: Video, work: Callable[[Video], object]) -> None:
        """What goes wrong with one video is no matter of the others; it has its next turn a little later."""
        try:
            work(video)
        except Interrupted:
            return
        except UserError as error:
            get_logger(__name__).error("video_not_settled", video_id=video.video_id, error=str(error))
            if video.state == VideoState.STORING and video.reason is None:
                change_from(self._engine, video, (VideoState.STORING,), reason=_WAITS)
        except Exception as error:
            get_logger(__name__).error("video_not_settled", video_id=video.video_id, exc_info=error)


_WAITS: Final = "it could not be stored yet: the storage is full, or does not answer; it is tried again"

_SECONDS_TO_STOP: Final = 0.2
_SECONDS_BETWEEN: Final = 10.0
_SECONDS_BETWEEN_ASKING_JOBS: Final = 1.0
_SECONDS_BETWEEN_PROXIES: Final = 60.0
"""One that finds no room costs much to try."""
_SECONDS_BETWEEN_LOOKS: Final = 2.0

_SECONDS_TO_PROBE: Final = 60
_BYTES_PROBED_A_SECOND: Final = 50_000_000
_SECONDS_TO_PREPARE: Final = 300
_SECONDS_A_SECOND: Final = 30
"""Of a film in 4K and a codec that is hard to decode, on a slow machine."""
_MEMORY_TO_PREPARE: Final = 8 << 30
_ROOM: Final = 1 << 30
_OUTPUT: Final = 64 << 20
_OUTPUT_A_SECOND: Final = 2 << 20
