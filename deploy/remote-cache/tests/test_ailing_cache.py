"""A cache that is away, refuses, lies or dies makes a build slower, never wrong and never fail.

Each case builds a small chain of actions and a test at its end, in one clone. Where the cache is of no use all four
actions are executed (the test counts as two: it, and its report).
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.ailing_cache import cache_that_answers, cache_that_dies, cache_that_is_silent, nobody_there
from tests.clones import Clone, Outcome, clone, place_for_clones
from tests.nginx_cache import NginxCache, nginx_cache

TEST = "//probe:test"
ACTIONS = 4
WARNING = "WARNING: Remote Cache: "
RULES = """\
def _twice_impl(ctx):
    made = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.run_shell(
        outputs = [made],
        inputs = [ctx.file.src],
        command = 'cat "$1" "$1" >"$2"',
        arguments = [ctx.file.src.path, made.path],
    )
    return DefaultInfo(files = depset([made]))

twice = rule(
    implementation = _twice_impl,
    attrs = {"src": attr.label(allow_single_file = True)},
)

def _lines_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, "#!/bin/sh\\ntest $(wc -l <%s) = 4\\n" % ctx.file.src.short_path, is_executable = True)
    return DefaultInfo(executable = script, runfiles = ctx.runfiles([ctx.file.src]))

lines_test = rule(
    implementation = _lines_test_impl,
    attrs = {"src": attr.label(allow_single_file = True)},
    test = True,
)
"""
BUILD = """\
load(":rules.bzl", "lines_test", "twice")
twice(name = "made", src = "text")
twice(name = "more", src = "made")
lines_test(name = "test", size = "small", src = "more")
"""

EXHAUSTIVE = bool(os.environ.get("LAXAI_EXHAUSTIVE"))


def garbage(entry: bytes) -> bytes:
    return b"\xff\x00garbage"


def end_missing(entry: bytes) -> bytes:
    return entry[: len(entry) // 2]


def last_byte_changed(entry: bytes) -> bytes:
    return entry[:-1] + bytes([entry[-1] ^ 1])


# What an action's result says of itself nothing vouches for, but it must be readable; outputs are known by their hash.
POISONS = [("ac", garbage), ("ac", end_missing), ("cas", garbage), ("cas", last_byte_changed)]
ANSWERS = [(500, b"out of order"), (200, b"<html>Please log in</html>")]
DEATHS = [1, 4]
if EXHAUSTIVE:
    POISONS += [("cas", end_missing)]
    ANSWERS += [(403, b""), (503, b""), (200, b"\xff" * 100)]
    DEATHS = list(range(1, 8))


@pytest.fixture(scope="module")
def workspace() -> Iterator[Clone]:
    with place_for_clones() as place, clone(place / "workspace", place / "output") as made:
        (made.folder / "probe").mkdir()
        (made.folder / "probe" / "rules.bzl").write_text(RULES)
        (made.folder / "probe" / "BUILD.bazel").write_text(BUILD)
        yield made


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxCache]:
    with nginx_cache(tmp_path_factory.mktemp("cache")) as cache:
        yield cache


@pytest.fixture
def text(workspace: Clone) -> str:
    """A line that nobody built anything of before."""
    line = f"{uuid.uuid4()}\n"
    (workspace.folder / "probe" / "text").write_text(line)
    return line


@pytest.fixture
def warm(workspace: Clone, nginx: NginxCache, text: str) -> NginxCache:
    """A cache with what the workspace is built to, and nothing else."""
    shutil.rmtree(nginx.entries, ignore_errors=True)
    assert ci_builds(workspace, nginx.for_ci).executed == ACTIONS
    workspace.clean()
    return nginx


def ci_builds(workspace: Clone, url: str, *flags: str) -> Outcome:
    return workspace.test([TEST], "--config=remote-cache-write", f"--remote_cache={url}", *flags)


def person_builds(workspace: Clone, cache: NginxCache) -> Outcome:
    return workspace.test([TEST], "--config=remote-cache", f"--remote_cache={cache.for_people}")


def must_be_right(workspace: Clone, outcome: Outcome, text: str) -> None:
    assert outcome.exit_code == 0, outcome.words
    assert outcome.tests.keys() == {TEST}
    assert (workspace.folder / "bazel-bin" / "probe" / "more.txt").read_text() == text * 4


def must_be_built_anew(workspace: Clone, outcome: Outcome, text: str) -> None:
    must_be_right(workspace, outcome, text)
    assert (outcome.hits, outcome.executed) == (0, ACTIONS)
    assert WARNING in outcome.words


def entries(cache: NginxCache, store: str) -> list[Path]:
    found = [path for path in (cache.entries / store).rglob("*") if path.is_file()]
    assert found
    return found


def test_a_healthy_cache_leaves_nothing_to_execute(workspace: Clone, warm: NginxCache, text: str) -> None:
    """Without this, the other cases would say nothing."""
    outcome = person_builds(workspace, warm)
    must_be_right(workspace, outcome, text)
    assert (outcome.hits, outcome.executed) == (ACTIONS, 0)
    assert WARNING not in outcome.words


def test_people_s_builds_do_not_try_to_write(workspace: Clone, nginx: NginxCache, text: str) -> None:
    shutil.rmtree(nginx.entries, ignore_errors=True)
    outcome = person_builds(workspace, nginx)
    must_be_right(workspace, outcome, text)
    assert WARNING not in outcome.words
    assert not nginx.entries.exists()


def test_who_may_not_write_builds_all_the_same(workspace: Clone, nginx: NginxCache, text: str) -> None:
    outcome = ci_builds(workspace, nginx.for_people)
    must_be_built_anew(workspace, outcome, text)
    assert "401 Unauthorized" in outcome.words


def test_nginx_serves_bazel_s_own_disk_cache(workspace: Clone, nginx: NginxCache, text: str) -> None:
    shutil.rmtree(nginx.entries, ignore_errors=True)
    workspace.test([TEST], f"--disk_cache={nginx.entries}")
    workspace.clean()
    outcome = person_builds(workspace, nginx)
    must_be_right(workspace, outcome, text)
    assert (outcome.hits, outcome.executed) == (ACTIONS, 0)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_there(workspace: Clone, text: str, scheme: str) -> None:
    with nobody_there(scheme) as url:
        must_be_built_anew(workspace, ci_builds(workspace, url), text)


def test_a_cache_that_never_answers(workspace: Clone, text: str) -> None:
    with cache_that_is_silent() as url:
        must_be_built_anew(workspace, ci_builds(workspace, url, "--remote_timeout=1s"), text)


@pytest.mark.parametrize(("status", "body"), ANSWERS)
def test_a_cache_that_always_says_the_same(workspace: Clone, text: str, status: int, body: bytes) -> None:
    with cache_that_answers(status, body) as url:
        must_be_built_anew(workspace, ci_builds(workspace, url), text)


@pytest.mark.parametrize(("store", "harm"), POISONS)
def test_poison(workspace: Clone, warm: NginxCache, text: str, store: str, harm: Callable[[bytes], bytes]) -> None:
    for entry in entries(warm, store):
        entry.write_bytes(harm(entry.read_bytes()))
    outcome = ci_builds(workspace, warm.for_ci)
    must_be_right(workspace, outcome, text)
    assert WARNING in outcome.words
    # What it was built to anew heals the cache.
    workspace.clean()
    healed = person_builds(workspace, warm)
    must_be_right(workspace, healed, text)
    assert (healed.hits, healed.executed) == (ACTIONS, 0)


def test_outputs_that_the_cache_forgot(workspace: Clone, warm: NginxCache, text: str) -> None:
    for entry in entries(warm, "cas"):
        entry.unlink()
    outcome = ci_builds(workspace, warm.for_ci)
    must_be_right(workspace, outcome, text)
    assert (outcome.hits, outcome.executed) == (0, ACTIONS)


@pytest.mark.parametrize("after", DEATHS)
def test_a_cache_that_dies_in_the_middle(workspace: Clone, warm: NginxCache, text: str, after: int) -> None:
    with cache_that_dies(warm.entries, after) as url:
        outcome = ci_builds(workspace, url)
    must_be_right(workspace, outcome, text)
    assert outcome.executed > 0
    assert WARNING in outcome.words
