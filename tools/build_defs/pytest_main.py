"""Runs one test file under pytest, as a Bazel test.

    pytest_main.py TEST_FILE [PYTEST_ARGUMENT ...]

Speaks Bazel's test protocol (https://bazel.build/reference/test-encyclopedia): TESTBRIDGE_TEST_ONLY selects tests,
TEST_SHARD_INDEX and TEST_TOTAL_SHARDS split them, XML_OUTPUT_FILE receives the report. A file from which pytest
collects nothing fails; a filter or a shard that leaves nothing passes.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


class BazelProtocol:
    """A pytest plugin: filters and shards, and remembers how many tests there were before."""

    def __init__(self) -> None:
        self.collected = 0
        self.failed_to_collect = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.failed_to_collect |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        self.collected = len(items)
        keep = items
        if node_ids := selected_node_ids():
            keep = [item for item in items if any(matches(item.nodeid, wanted) for wanted in node_ids)]
        shards = int(os.environ.get("TEST_TOTAL_SHARDS") or 1)
        if shards > 1:
            keep = keep[int(os.environ["TEST_SHARD_INDEX"]) :: shards]
        dropped = [item for item in items if item not in keep]
        if dropped:
            config.hook.pytest_deselected(items=dropped)
            items[:] = keep


def selected_node_ids() -> list[str]:
    """The node ids of --test_filter, separated by commas; empty where it is an expression for -k, or not there."""
    selection = os.environ.get("TESTBRIDGE_TEST_ONLY", "")
    if "::" not in selection:
        return []
    # A comma inside […] belongs to a test's parameters.
    node_ids = re.split(r",(?![^\[]*\])", selection)
    if not all("::" in node_id for node_id in node_ids):
        raise pytest.UsageError(
            f"--test_filter={selection}: give node ids (file::test), or one expression of pytest's -k"
        )
    return node_ids


def matches(node_id: str, wanted: str) -> bool:
    """Whether a node id is the wanted one, lies below it, or is one of its parameters; the file may be left out."""
    _, _, inside = node_id.partition("::")
    _, _, wanted_inside = wanted.partition("::")
    return inside == wanted_inside or inside.startswith((wanted_inside + "::", wanted_inside + "["))


def settle_hypothesis() -> None:
    """Makes hypothesis indifferent to how busy the machine is, and thorough under --config=exhaustive.

    A conftest.py may load a profile of its own on top.
    """
    if importlib.util.find_spec("hypothesis") is None:
        return
    from hypothesis import HealthCheck, settings

    calm = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("bazel", calm)
    settings.register_profile("exhaustive", calm, max_examples=10_000)
    settings.load_profile("exhaustive" if os.environ.get("LAXAI_EXHAUSTIVE") else "bazel")


def main(arguments: Sequence[str]) -> int:
    settle_hypothesis()
    test_file = Path(arguments[0])
    options = [
        *("-p", "no:cacheprovider", "--import-mode=importlib", "--color=yes", "-ra"),
        # A configuration file of the service is for its .venv; here, the BUILD file says what to run.
        *("-c", os.devnull, "--rootdir", str(test_file.parent)),
        # Without it, pytest reads conftest.py files up to the machine's root.
        *("--confcutdir", os.getcwd()),
        *("-o", "junit_family=xunit2", "-o", "xfail_strict=true"),
    ]
    if report := os.environ.get("XML_OUTPUT_FILE"):
        options.append(f"--junitxml={report}")
    if status_file := os.environ.get("TEST_SHARD_STATUS_FILE"):
        Path(status_file).touch()
    if (expression := os.environ.get("TESTBRIDGE_TEST_ONLY")) and "::" not in expression:
        options += ["-k", expression]
    if os.environ.get("TESTBRIDGE_TEST_RUNNER_FAIL_FAST") == "1":
        options.append("--exitfirst")

    protocol = BazelProtocol()
    status = pytest.main([*options, *arguments[1:], str(test_file)], plugins=[protocol])
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        if protocol.collected:
            return 0
        print(f"error: pytest collects no test from {test_file}: is it a test file?", file=sys.stderr)
        return 1
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
