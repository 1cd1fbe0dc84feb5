"""What modules are called after the move."""

# ruff: noqa: E501 – files, each in one line

from pathlib import Path

import pytest

from migrate.model import Style
from migrate.modules import Module
from migrate.naming import Naming
from migrate.testing.building import MAPPING, MODULES, plan_of

MORE: dict[str, str | bytes] = {
    "src/main.py": "import train.model\n", "src/train/data/x.py": "", "src/train/my-data/y.py": "", "tests/unit/test_x.py": "import train\n",
    "tests/helpers.py": "", "tests/unit/test_y.py": "import helpers\n", "lib/left.py": "",
}  # fmt: skip


@pytest.fixture
def naming(tmp_path: Path) -> Naming:
    mapping = MAPPING.replace(
        'leave = ["*"]', 'leave = ["*", "lib/**", "src/main.py"]\ndrop = ["src/common/player.py"]'
    )
    return plan_of(tmp_path, {**MODULES, **MORE}, mapping).naming


def test_files_get_the_names_of_their_places(naming: Naming) -> None:
    assert naming.of_file("src/common/storage.py") == "shared_libs.common.storage"
    assert naming.of_file("src/common/__init__.py") == "shared_libs.common"
    assert naming.of_file("src/train/model.py") == "training.model"
    assert naming.of_file("src/track/steps.py") == "tracking.steps"
    assert naming.of_file("src/common/player.py") is None  # dropped
    assert naming.of_file("src/train/my-data/y.py") is None  # cannot be imported
    assert naming.of_file("lib/left.py") == "left"
    assert naming.of_file("nothing.py") is None


def test_a_flat_package_has_no_name(tmp_path: Path) -> None:
    mapping = MAPPING.replace('package = "training"', f'style = "{Style.FLAT}"')
    naming = plan_of(tmp_path, MODULES, mapping).naming
    assert naming.of_file("src/train/model.py") == "model"
    assert naming.of_file("src/train/__init__.py") is None
    assert naming.package_after("src/train/model.py") == []


def test_folders_have_a_name_where_they_stay_together(naming: Naming) -> None:
    assert naming.of_folder("src/track") == "tracking"
    assert naming.of_folder("src/train/data") == "training.data"
    assert naming.of_folder("src") is None
    assert naming.of_module(Module("", ("src/track",))) == "tracking"
    assert naming.of_module(Module("", ("src/track", "src/train"))) is None


def test_what_stays_keeps_its_name(naming: Naming) -> None:
    assert naming.keeps_its_name(Module("lib/left.py"))
    assert naming.keeps_its_name(Module("", ("lib",)))
    assert naming.keeps_its_name(Module("src/main.py"))
    assert naming.keeps_its_name(Module("tests/helpers.py"))
    assert not naming.keeps_its_name(Module("src/train/model.py"))
    assert not naming.keeps_its_name(Module("", ("src",)))


def test_relative_imports_start_from_the_new_package(naming: Naming) -> None:
    assert naming.package_after("src/train/data/x.py") == ["training", "data"]
    assert naming.package_after("src/common/storage.py") == ["shared_libs", "common"]
    assert naming.package_after("tests/helpers.py") is None
    assert naming.package_after("lib/left.py") is None


def test_a_root_that_still_holds_modules_is_kept(naming: Naming) -> None:
    assert "src" in naming.kept_roots
