"""One library, tested under every lock: each run sees the numpy that its own lock pins."""

import ctypes
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from greeting import greeting

# From linux/sched.h.
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000

# Read before a test unshares its own network.
network_of_the_test = [name for _, name in socket.if_nameindex()]

LOCK_FILES = {"shared_libs": "shared_libs", "tools": "tools"}


def pinned_numpy(lock: str) -> str:
    text = Path("requirements", f"{LOCK_FILES.get(lock, f'service_{lock}')}.txt").read_text(encoding="utf-8")
    found = re.search(r"^numpy==(\S+)", text, re.MULTILINE)
    assert found, f"the lock of {lock} pins no numpy"
    return found[1]


def test_a_library_finds_its_dependency_and_its_data_file() -> None:
    assert greeting() == "good morning good morning"


def test_numpy_is_the_version_that_this_tests_lock_pins() -> None:
    assert np.__version__ == pinned_numpy(os.environ["LAXAI_LOCK"])


def test_a_child_process_of_the_same_interpreter_imports_the_same_packages() -> None:
    program = "import numpy, greeting; print(numpy.__version__)"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == np.__version__


def test_the_interpreter_is_the_workspaces_own() -> None:
    assert sys.version_info[:2] == (3, 11)
    assert not sys.executable.startswith(("/usr/bin", "/usr/local"))


def test_there_is_no_network_but_loopback() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET):
        pytest.skip("no namespaces on this machine, so Bazel's sandbox has none for the network either")
    assert network_of_the_test == ["lo"]
