"""Which target or distribution an import belongs to, and what is said where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgen.tests.workspaces import Workspace, make, rule

RECORD = json.dumps(
    {
        "numpy==1.0": {"imports": ["numpy"], "sha256": ""},
        "pillow==1.0": {"imports": ["PIL"], "sha256": ""},
        "google-auth==1.0": {"imports": ["google.auth", "google.oauth2"], "sha256": ""},
        "google-storage==1.0": {"imports": ["google.cloud.storage"], "sha256": ""},
        "types-pillow==1.0": {"imports": ["types_pillow"], "sha256": ""},
        "opencv-python==1.0": {"imports": ["cv2"], "sha256": ""},
        "opencv-python-headless==1.0": {"imports": ["cv2"], "sha256": ""},
    }
)


def services(tmp_path: Path, files: dict[str, str]) -> Workspace:
    """Two services with locks of their own, and shared code."""
    return make(
        tmp_path,
        {
            "requirements/import_names.json": RECORD,
            "requirements/service_a.in": "numpy\nopencv-python-headless\n",
            "requirements/service_a.txt": "numpy==1.0 \\\n    --hash=sha256:0\nopencv-python==1.0\n"
            "opencv-python-headless==1.0\npillow==1.0\ngoogle-auth==1.0\ngoogle-storage[x]==1.0\ntypes-pillow==1.0\n",
            "requirements/service_b.in": "numpy\n",
            "requirements/service_b.txt": "numpy==1.0\n",
            "requirements/shared_libs.txt": "numpy==1.0\npillow==1.0\n",
            "requirements/tools.txt": "numpy==1.0\n",
            "services/service-a/src/a/__init__.py": "",
            "services/service-b/src/b/__init__.py": "",
            "shared_libs/__init__.py": "",
            "shared_libs/common/__init__.py": "",
            **files,
        },
    )


def deps(workspace: Workspace, package: str, name: str) -> list[str]:
    text = rule(workspace.builds()[package], name)
    if " deps = [" not in text:
        return []
    inside = text.split(" deps = [")[1].split("]")[0]
    return [row.split('"')[1] for row in inside.split("\n") if '"' in row]


def test_distributions_are_found_by_what_their_wheels_bring(tmp_path: Path) -> None:
    code = """\
    import numpy.linalg as la
    from PIL import Image
    from google.auth.transport import requests
    from google.cloud import storage
    """
    workspace = services(tmp_path, {"services/service-a/src/a/x.py": code})
    assert workspace.run() == 0
    assert deps(workspace, "services/service-a/src/a", "a") == [
        *("@pypi//google_auth", "@pypi//google_storage", "@pypi//numpy", "@pypi//pillow")
    ]
    assert 'pyi_deps = ["@pypi//types_pillow"]' in workspace.builds()["services/service-a/src/a"]


def test_of_two_distributions_with_one_import_name_the_one_that_was_asked_for_is_taken(tmp_path: Path) -> None:
    workspace = services(tmp_path, {"services/service-a/src/a/x.py": "import cv2\n"})
    assert workspace.run() == 0
    assert deps(workspace, "services/service-a/src/a", "a") == ["@pypi//opencv_python_headless"]


def test_what_only_another_services_lock_has_is_an_error_and_the_rest_is_written(tmp_path: Path) -> None:
    workspace = services(
        tmp_path, {"services/service-b/src/b/x.py": "import os\nimport numpy\nfrom PIL import Image\n"}
    )
    assert workspace.run() == 2
    (problem,) = workspace.problems()
    assert problem.startswith("error: services/service-b/src/b/x.py:3: from PIL import Image: pillow is in the lock ")
    assert "service_a" in problem and "add pillow to requirements/service_b.in" in problem
    assert deps(workspace, "services/service-b/src/b", "b") == ["@pypi//numpy"]


def test_shared_code_is_checked_against_every_lock_that_uses_it(tmp_path: Path) -> None:
    files = {
        "shared_libs/common/x.py": "from PIL import Image\n",
        "services/service-a/src/a/x.py": "import shared_libs.common.x\n",
        "services/service-b/src/b/x.py": "from b import y\n",
        "services/service-b/src/b/y.py": "import shared_libs.common\n",
    }
    workspace = services(tmp_path, files)
    workspace.write({"tools/build_defs/python.bzl": ""})  # tests of shared code run under one lock
    assert workspace.run() == 2
    (problem,) = workspace.problems()
    assert problem.startswith(
        "error: shared_libs/common/x.py:1: from PIL import Image: the lock service_b has no pillow"
    )
    assert "//services/service-b/src/b uses this under it" in problem and "requirements/service_b.in" in problem


def test_another_services_code_is_an_error_and_an_allowed_edge_a_warning(tmp_path: Path) -> None:
    files = {"services/service-a/src/a/x.py": "import b\n"}
    workspace = services(tmp_path, files)
    assert workspace.run() == 2
    (problem,) = workspace.problems()
    assert problem.startswith("error: services/service-a/src/a/x.py:1: import b: a service does not import another")
    assert 'allow_edges = ["service-a -> service-b"]' in problem
    assert deps(workspace, "services/service-a/src/a", "a") == []
    workspace.write({"migration.toml": 'allow_edges = ["service-a -> service-b"]\n'})
    assert workspace.run() == 0
    (problem,) = workspace.problems()
    assert problem.startswith("warning: services/service-a/src/a/x.py:1: import b") and "migration.toml" in problem
    assert deps(workspace, "services/service-a/src/a", "a") == ["//services/service-b/src/b"]
    assert '"//services/service-a/src/a:__pkg__"' in workspace.builds()["services/service-b/src/b"]


@pytest.mark.parametrize(
    ("path", "code", "rule_broken"),
    [
        ("shared_libs/common/x.py", "import a\n", "shared_libs depends on nothing of ours outside itself"),
        ("services/service-a/src/a/x.py", "import odd.y\n", "what ships does not depend on tools"),
        ("services/service-a/tests/test_x.py", "import odd.y\ndef test_x(): ...\n", "tests use tools/build_defs"),
        ("tools/odd/z.py", "import a\n", "tools starts services as commands"),
    ],
)
def test_the_rules_of_the_house_are_kept(tmp_path: Path, path: str, code: str, rule_broken: str) -> None:
    workspace = services(tmp_path, {"tools/odd/y.py": "", path: code})
    assert workspace.run() == 2
    (problem,) = workspace.problems()
    assert problem.startswith(f"error: {path}:1: ") and rule_broken in problem


def test_edges_that_the_project_forbids_are_errors(tmp_path: Path) -> None:
    workspace = services(tmp_path, {"shared_libs/config/x.py": "import shared_libs.common\n"})
    assert workspace.run() == 0
    text = '[tool.buildgen]\nforbid = ["shared_libs/config -> shared_libs/common: it is below"]\n'
    workspace.write({"pyproject.toml": text})
    assert workspace.run() == 2
    assert "pyproject.toml forbids shared_libs/config -> shared_libs/common: it is below" in workspace.problems()[0]


def test_tests_of_a_service_may_use_the_sample(tmp_path: Path) -> None:
    files = {"tools/sample/s.py": "", "services/service-a/tests/test_x.py": "import sample.s\ndef test_x(): ...\n"}
    workspace = services(tmp_path, files)
    assert workspace.run() == 0
    assert deps(workspace, "services/service-a/tests", "test_x") == ["//tools/sample"]


def test_all_that_is_wrong_is_listed_once_per_statement(tmp_path: Path) -> None:
    files = {
        "services/service-a/src/a/x.py": "from nowhere import a, b\nimport missing\nfrom a import gone_module as g\n"
    }
    workspace = services(tmp_path, files)
    assert workspace.run() == 2
    assert [problem.split(": ")[1] for problem in workspace.problems()] == [
        "services/service-a/src/a/x.py:1",
        "services/service-a/src/a/x.py:2",
    ]


def test_a_module_that_is_not_there_is_an_error_and_its_package_is_depended_on(tmp_path: Path) -> None:
    files = {"services/service-a/src/a/x.py": "import shared_libs.common.gone\n"}
    workspace = services(tmp_path, files)
    assert workspace.run() == 2
    assert "there is no shared_libs.common.gone (shared_libs/common/__init__.py is there)" in workspace.problems()[0]
    assert deps(workspace, "services/service-a/src/a", "a") == ["//shared_libs/common"]


def test_relative_imports_are_followed_and_broken_ones_are_errors(tmp_path: Path) -> None:
    files = {
        "services/service-a/src/a/inner/__init__.py": "",
        "services/service-a/src/a/inner/x.py": "from ..other import y\nfrom . import gone\nfrom .... import z\n",
        "services/service-a/src/a/other/__init__.py": "",
        "services/service-a/src/a/other/y.py": "",
        "services/service-a/src/a/x.py": "from .nothing import q\n",
    }
    workspace = services(tmp_path, files)
    assert workspace.run() == 2
    assert "//services/service-a/src/a/other" in deps(workspace, "services/service-a/src/a/inner", "inner")
    assert [(p.split(": ")[1], p.split(": ")[3].split(" – ")[0]) for p in workspace.problems()] == [
        ("services/service-a/src/a/inner/x.py:3", "there is no services/service-a/z.py"),
        (
            "services/service-a/src/a/x.py:1",
            "there is no services/service-a/src/a/nothing.py or services/service-a/src/a/nothing/__init__.py",
        ),
    ]


def test_optional_imports_that_nothing_brings_are_no_errors(tmp_path: Path) -> None:
    code = "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None\n"
    workspace = services(tmp_path, {"services/service-a/src/a/x.py": code})
    assert workspace.run() == 0
    assert workspace.problems() == []


def test_imports_for_types_only_are_type_checkers_dependencies(tmp_path: Path) -> None:
    code = "import typing\nif typing.TYPE_CHECKING:\n    import numpy\n    from PIL import Image\nimport numpy\n"
    workspace = services(tmp_path, {"services/service-a/src/a/x.py": code})
    assert workspace.run() == 0
    text = workspace.builds()["services/service-a/src/a"]
    assert '"@pypi//pillow"' in text.split("pyi_deps = [")[1].split("]")[0]
    assert deps(workspace, "services/service-a/src/a", "a") == ["@pypi//numpy"]


def test_the_nearest_module_of_a_name_is_meant(tmp_path: Path) -> None:
    files = {
        "services/service-a/src/util.py": "",
        "services/service-b/src/util.py": "",
        "services/service-a/src/main.py": "import util\nimport logging\n",
        "services/service-b/src/logging.py": "",
        "services/service-a/tests/test_x.py": "import util\ndef test_x(): ...\n",
    }
    workspace = services(tmp_path, files)
    assert workspace.run() == 0
    assert deps(workspace, "services/service-a/tests", "test_x") == ["//services/service-a/src"]
    assert 'imports = ["."]' in workspace.builds()["services/service-a/src"]


def test_a_name_that_several_places_have_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    files = {
        "services/service-a/src/util.py": "",
        "services/service-b/src/util.py": "",
        "scripts/x.py": "import util\n",
    }
    workspace = services(tmp_path, files)
    assert workspace.run() == 2
    assert "may be any of //services/service-a/src, //services/service-b/src" in workspace.problems()[0]
    workspace.write({"scripts/BUILD.bazel": "# gazelle:resolve py util //services/service-a/src\n"})
    assert workspace.run() == 0
    assert deps(workspace, "scripts", "scripts") == ["//services/service-a/src"]


def test_gazelles_directives_and_annotations_are_followed(tmp_path: Path) -> None:
    code = """\
    # gazelle:include_dep //x:y,:z
    import ignored.here  # gazelle:ignore ignored.here
    import elsewhere
    import resolved.thing
    """
    build = "# gazelle:python_ignore_dependencies elsewhere\n# gazelle:resolve py resolved @other//:thing\n"
    workspace = services(
        tmp_path, {"services/service-a/src/a/x.py": code, "services/service-a/src/a/BUILD.bazel": build}
    )
    assert workspace.run() == 0
    assert deps(workspace, "services/service-a/src/a", "a") == [":z", "//x:y", "@other//:thing"]


def test_a_library_depends_on_the_packages_that_it_is_in(tmp_path: Path) -> None:
    workspace = services(tmp_path, {"shared_libs/common/x.py": ""})
    assert workspace.run() == 0
    assert (
        '        "//shared_libs",  # keep: buildgen shared_libs/__init__.py:1\n'
        in workspace.builds()["shared_libs/common"]
    )


def test_where_a_package_imports_what_is_in_it_its_users_depend_on_both(tmp_path: Path) -> None:
    files = {
        "lib/__init__.py": "from lib.inner import x\n",
        "lib/inner/__init__.py": "x = 1\n",
        "use/u.py": "import lib.inner\n",
    }
    workspace = services(tmp_path, files)
    assert workspace.run() == 0
    assert deps(workspace, "lib", "lib") == ["//lib/inner"]
    assert deps(workspace, "lib/inner", "inner") == []
    assert deps(workspace, "use", "use") == ["//lib", "//lib/inner"]


def test_locks_may_stand_beside_a_services_code_and_need_not_be_made(tmp_path: Path) -> None:
    files = {
        "services/service-c/requirements.in": "Pillow>=9\n-r ../base.in\n",
        "services/service-c/requirements-test.in": "pytest\n",
        "services/base.in": "scikit-learn\n",
        "services/service-c/src/c/x.py": "import sklearn.cluster\nimport PIL\n",
        "services/service-c/tests/test_x.py": "import pytest\ndef test_x(): ...\n",
    }
    workspace = services(tmp_path, files)
    assert workspace.run() == 0
    assert deps(workspace, "services/service-c/src/c", "c") == ["@pypi//pillow", "@pypi//scikit_learn"]
    assert deps(workspace, "services/service-c/tests", "test_x") == ["@pypi//pytest"]


def test_a_lock_can_be_chosen_by_directive(tmp_path: Path) -> None:
    files = {"scripts/BUILD.bazel": "# buildgen:lock a\n", "scripts/x.py": "from PIL import Image\n"}
    workspace = services(tmp_path, files)
    assert workspace.run() == 0
    assert deps(workspace, "scripts", "scripts") == ["@pypi//pillow"]


def test_a_damaged_record_of_import_names_is_reported_and_the_rest_done(tmp_path: Path) -> None:
    workspace = services(
        tmp_path, {"requirements/import_names.json": "{", "services/service-a/src/a/x.py": "import numpy\n"}
    )
    assert workspace.run() == 2
    assert workspace.problems()[0].startswith("error: requirements/import_names.json: not a record of import names")
    assert deps(workspace, "services/service-a/src/a", "a") == ["@pypi//numpy"]
