"""A container's log on Kubernetes, read again and again, each line given once."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from kubernetes import client

# More than a node keeps of a container's log, as it is set up unless told otherwise.
_MOST_BYTES: Final = 16 * 1024 * 1024

# The log is asked for by age, and a second more than passed since the last time allows for roundings.
_SECONDS_OF_OVERLAP: Final = 2

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")


class PodLog:
    """What a pod's container printed, in the order of its printing.

    The server counts ages, and stamps come from the node: no clock is compared with another.
    """

    def __init__(
        self,
        core: client.CoreV1Api,
        namespace: str,
        pod: str,
        container: str,
        timeout: tuple[float, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pod = pod
        self._core = core
        self._namespace = namespace
        self._container = container
        self._timeout = timeout
        self._clock = clock
        self._last_stamp = -1
        self._read_at: float | None = None

    def new(self) -> bytes:
        """The whole lines since the last call, b"" where there are none. Raises ApiException and urllib3's errors."""
        asked_at = self._clock()
        age = None if self._read_at is None else math.ceil(asked_at - self._read_at) + _SECONDS_OF_OVERLAP
        # Undecoded: a program may print anything.
        response = self._core.read_namespaced_pod_log(
            self.pod,
            self._namespace,
            container=self._container,
            timestamps=True,
            since_seconds=age,
            limit_bytes=_MOST_BYTES,
            _preload_content=False,
            _request_timeout=self._timeout,
        )
        lines = response.read().split(b"\n")  # type: ignore[attr-defined]  # it is the response itself
        self._read_at = asked_at
        return b"".join(self._unseen(line) for line in lines)

    def _unseen(self, line: bytes) -> bytes:
        found = _STAMP.match(line)
        if found is None or (stamp := _nanoseconds(found)) <= self._last_stamp:
            return b""
        self._last_stamp = stamp
        return line[found.end() :] + b"\n"


def _nanoseconds(stamp: re.Match[bytes]) -> int:
    """Since 1970. Python's own times end at microseconds."""
    seconds, fraction, zone = stamp.groups()
    whole = datetime.fromisoformat((seconds + zone).decode()).timestamp()
    return int(whole) * 1_000_000_000 + int((fraction or b"").ljust(9, b"0"))
