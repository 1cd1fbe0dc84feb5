"""A clean clone with an empty output base against a warm cache: every test comes from it, and nothing is executed.

CI looks at a few packages, under six locks; with LAXAI_EXHAUSTIVE, at the whole workspace.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.clones import REMOTE_HIT, clone, place_for_clones
from tests.nginx_cache import nginx_cache

# Two Bazels and what they test share a machine here: no test fails because it took long.
PATIENCE = "--test_timeout=3600"
TARGETS = (
    ["//..."] if os.environ.get("LAXAI_EXHAUSTIVE") else ["//shared_libs/tests/utils/...", "//tools/testcases/..."]
)


def test_a_clean_clone_executes_nothing(tmp_path: Path) -> None:
    with nginx_cache(tmp_path / "cache") as cache, place_for_clones() as place:
        with clone(place / "first", place / "first_output") as first:
            first.fetch(TARGETS)
            began = time.monotonic()
            written = first.test(TARGETS, "--config=remote-cache-write", f"--remote_cache={cache.for_ci}", PATIENCE)
            without = time.monotonic() - began
        assert written.exit_code == 0, written.words
        assert written.tests
        assert written.hits == 0

        somewhere = place / "some" / "where" / "else" / "a second clone"
        with clone(somewhere, place / "second_output", another_user(place / "home of another")) as second:
            second.fetch(TARGETS)
            began = time.monotonic()
            read = second.test(TARGETS, "--config=remote-cache", f"--remote_cache={cache.for_people}", PATIENCE)
            with_it = time.monotonic() - began

    print(f"{len(read.tests)} tests, after fetching: {without:.0f} s without the cache, {with_it:.0f} s with it")
    assert read.exit_code == 0, read.words
    assert read.tests == dict.fromkeys(written.tests, REMOTE_HIT)
    assert read.executed == 0


def another_user(home: Path) -> dict[str, str]:
    """The surroundings of somebody else, as far as one machine can have them. `home` is made."""
    (home / "bin").mkdir(parents=True)
    (home / "tmp").mkdir()
    own = Path.home()
    caches = os.environ.get("XDG_CACHE_HOME") or str(own / ".cache")
    return {
        "HOME": str(home),
        "LANG": "de_DE.UTF-8",
        "LOGNAME": "another",
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "TMPDIR": f"{home}/tmp",
        "USER": "another",
        # Where Bazel and wheels come from is not what differs.
        "LAXAI_CACHE": os.environ.get("LAXAI_CACHE") or f"{caches}/laxai",
        "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME") or str(own / ".config"),
    }
