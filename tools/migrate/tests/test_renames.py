"""What is called differently afterwards: files, folders, modules."""

from pathlib import Path

from migrate.testing.building import MODULES, plan_of


def test_a_folder_whose_files_stay_together_has_one_new_name(tmp_path: Path) -> None:
    renames = plan_of(tmp_path, dict(MODULES)).renames
    assert renames.folders["src/common"] == "shared_libs/common"
    assert renames.folders["src/train"] == "services/training/src/training"
    assert renames.files["src/track/steps.py"] == "services/tracking/src/tracking/steps.py"


def test_a_folder_whose_files_part_names_those_that_take_them(tmp_path: Path) -> None:
    renames = plan_of(tmp_path, dict(MODULES)).renames
    assert "src" not in renames.folders
    assert set(renames.scattered["src"]) == {
        "services/tracking/src/tracking",
        "services/training/src/training",
        "shared_libs/common",
        "shared_libs/config",
    }


def test_a_folder_that_stays_is_no_rename(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {**MODULES, "docs/a.md": "", "docs/more/b.md": ""}
    renames = plan_of(tmp_path, files).renames
    assert not any(folder.startswith("docs") for folder in (*renames.folders, *renames.scattered))


def test_all_names_of_a_module_lead_to_its_new_one(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {**MODULES, "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n'}
    renames = plan_of(tmp_path, files).renames
    assert renames.modules["common.storage"] == "shared_libs.common.storage"
    assert renames.modules["src.common.storage"] == "shared_libs.common.storage"
    assert renames.modules["train.model"] == renames.modules["src.train.model"] == "training.model"
    assert set(renames.roots) >= {"", "services/training/src", "services/tracking/src"}
