"""The flag //tools/build_defs:accelerator chooses between the two locks of service-training, and does nothing else."""

import json
import os
import re
from pathlib import Path

PACKAGES: dict[str, dict[str, list[str]]] = json.loads(Path(os.environ["PACKAGES"]).read_text(encoding="utf-8"))


def hubs(accelerator: str) -> dict[str, str]:
    """The hub that a program gets pytest from, by the lock that it is built against."""
    found = {}
    for lock, (label,) in PACKAGES[accelerator].items():
        # …~pypi_tools__pytest//:pkg in the airgap way, …~pypi_tools_311_pytest_py3_none_any_07acdcf8//:pkg otherwise
        hub = re.search(r"\W(pypi_[a-z_]+?)(?:_311)?__?pytest(?![a-z0-9])", label)
        assert hub, label
        found[lock] = hub[1]
    return found


def test_every_program_gets_its_packages_from_the_hub_of_its_lock() -> None:
    assert hubs("cpu") == {lock: f"pypi_{lock}" for lock in PACKAGES["cpu"]}


def test_with_cuda_only_service_training_gets_others() -> None:
    assert hubs("cuda") == {**hubs("cpu"), "training": "pypi_training_cuda"}
