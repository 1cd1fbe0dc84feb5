"""Asks Bazel for the graph of targets."""

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from affected.graph import Graph, read_graph
from shared_libs.common.errors import InputError

_OPTIONS = (
    "--output=streamed_jsonproto",
    "--proto:output_rule_attrs=tags,config_settings",
    "--noproto:default_values",
    "--noproto:flatten_selects",
    "--noproto:locations",
    "--noshow_progress",
)


def bazel_of(root: Path, asked: str | None) -> list[str]:
    """The words that start Bazel: what was asked for, the workspace's own ./bazelw, $BAZEL, or `bazel`."""
    if asked is None and (root / "bazelw").is_file():
        return [str(root / "bazelw")]
    return shlex.split(asked or os.environ.get("BAZEL") or "bazel")


def query_graph(root: Path, bazel: Sequence[str], own_repositories: Sequence[str]) -> Graph:
    """The graph of the workspace as it stands, and of the repositories that it makes of its own files.

    Only their own packages are loaded: no wheel is fetched for it. What Bazel says goes to stderr.
    Raises InputError where Bazel cannot be started or cannot read the workspace.
    """
    everything = " + ".join(["//...:*", *(f"@{repository}//...:*" for repository in own_repositories)])
    words = [*bazel, "query", everything, *_OPTIONS]
    try:
        result = subprocess.run(words, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    except OSError as error:
        raise InputError(bazel[0], f"cannot be started: {error.strerror}", hint="name Bazel with --bazel") from error
    if result.returncode != 0:
        cause = f"Bazel's query ended with {result.returncode}: what it said stands above"
        raise InputError(root, cause, hint="./bazelw query //... must work")
    try:
        return read_graph(result.stdout.decode("utf-8").splitlines())
    except (ValueError, KeyError) as error:
        raise InputError(bazel[0], f"its query printed something unexpected: {error}", hint="is it Bazel 7?") from error
