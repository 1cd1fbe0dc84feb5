"""Where files go, above all tests and what they need beside them."""

from pathlib import Path

from migrate.completing import complete
from migrate.model import Fate
from migrate.testing.building import MAPPING, MODULES, plan_of, result_of

_TEST = "def test_it():\n    pass\n"


def test_a_test_goes_to_the_one_service_that_it_imports(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        {
            **MODULES,
            "tests/unit/test_model.py": f"from src.train.model import Model\nfrom src.common import storage\n{_TEST}",
            "tests/test_storage.py": f"from src.common.storage import save\n{_TEST}",
            "tests/test_both.py": f"import src.train.model\nimport src.track.steps\n{_TEST}",
            "tests/test_nothing.py": _TEST,
        },
    )
    new = {path: entry.new_path for path, entry in plan.files.items()}
    assert new["tests/unit/test_model.py"] == "services/training/tests/unit/test_model.py"
    assert new["tests/test_storage.py"] == "shared_libs/tests/common/test_storage.py"
    assert new["tests/test_both.py"] == "tests/test_both.py"
    assert new["tests/test_nothing.py"] == "tests/test_nothing.py"


def test_support_that_imports_a_service_is_not_copied_to_the_tests_of_a_shared_library(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        {
            **MODULES,
            "tests/test_model.py": f"from src.train.model import Model\n{_TEST}",
            "tests/test_storage.py": f"from src.common.storage import save\n{_TEST}",
            "tests/apps/one/__init__.py": "from src.train.model import Model\n",
            "tests/apps/two/__init__.py": "from src.common.storage import save\n",
        },
    )
    after = result_of(plan)
    assert "services/training/tests/apps/one/__init__.py" in after
    assert "shared_libs/tests/common/apps/one/__init__.py" not in after
    assert "shared_libs/tests/common/apps/two/__init__.py" in after
    assert not plan.decisions


def test_data_goes_where_the_tests_are_that_read_it(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        {
            **MODULES,
            "tests/test_model.py": f"from src.train.model import Model\nDATA = 'boxes.json'\n{_TEST}",
            "tests/test_steps.py": f"from src.track.steps import step\n{_TEST}",
            "tests/data/boxes.json": "{}",
        },
    )
    assert plan.files["tests/data/boxes.json"].new_path == "services/training/tests/data/boxes.json"
    assert not plan.placement.copies


def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {**MODULES, "deep/er/file.bin": b"\0", "README.md": "", "tests/notes.txt": ""})
    assert plan.files["deep/er/file.bin"].fate is Fate.UNMAPPED
    assert plan.files["README.md"].fate is Fate.LEFT
    assert set(plan.files) == set(plan.inventory.files)


def test_a_package_of_tests_keeps_its_name(tmp_path: Path) -> None:
    mapping = MAPPING.replace('folders = ["tests"]', 'folders = ["test"]')
    files: dict[str, str | bytes] = {
        **MODULES,
        "test/__init__.py": "",
        "test/helper.py": "",
        "test/unit/test_model.py": f"from test.helper import *\nfrom src.train.model import Model\n{_TEST}",
    }
    plan = plan_of(tmp_path, files, mapping)
    new = {path: entry.new_path for path, entry in plan.files.items()}
    assert new["test/unit/test_model.py"] == "services/training/tests/test/unit/test_model.py"
    assert new["test/helper.py"] == "services/training/tests/test/helper.py"
    complete(plan)
    ini, _ = plan.operations.creates["services/training/pytest.ini"]
    assert b"pythonpath = src tests ../..\n" in ini


def test_the_package_tests_of_a_service_goes_before_that_of_the_root(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        **MODULES,
        "tests/__init__.py": "",
        "tests/helper.py": "",
        # No package, so that pytest puts only this very folder on sys.path.
        "tests/unit/test_model.py": f"from tests.helper import *\nfrom src.train.model import Model\n{_TEST}",
        "tests/test_both.py": f"import src.train.model\nimport src.track.steps\n{_TEST}",
    }
    plan = plan_of(tmp_path, files)
    complete(plan)
    ini, _ = plan.operations.creates["services/training/pytest.ini"]
    assert b"pythonpath = src . ../..\n" in ini
