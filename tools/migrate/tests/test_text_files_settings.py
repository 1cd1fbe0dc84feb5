"""Settings: pyproject.toml, INI files, pyright, VS Code, YAML of CI and Compose."""

import json
import tomllib

import pytest

from migrate.model import Certainty
from migrate.testing.renamed import API, CLOUD, TRACKING, TRAINING, repository, with_file_moved
from migrate.text_files.structured import Unreadable, read_json, read_toml

ROOTS = [TRACKING, TRAINING, API, CLOUD]


# pyproject.toml


def test_package_dir_and_where_find_every_package_in_its_new_place() -> None:
    before = """\
[tool.setuptools]
package-dir = {"" = "src"}

[tool.setuptools.packages.find]
where = ["src"]  # all of it
exclude = ["tests*"]
"""
    after = tomllib.loads(repository().text("pyproject.toml", before))["tool"]["setuptools"]
    assert after["package-dir"] == {
        "api": f"{API}/api",
        "cloud": f"{CLOUD}/cloud",
        "shared_libs": "shared_libs",
        "tracking": f"{TRACKING}/tracking",
        "training": f"{TRAINING}/training",
    }
    assert after["packages"]["find"]["where"] == [*ROOTS, "."]
    assert after["packages"]["find"]["include"] == ["api*", "cloud*", "shared_libs*", "tracking*", "training*"]
    assert after["packages"]["find"]["exclude"] == ["tests*"]
    assert 'where = ["src"]' not in repository().text("pyproject.toml", before)


def test_package_dir_as_a_table_of_its_own_is_written_line_by_line() -> None:
    before = '[tool.setuptools.package-dir]\n"" = "src"\nother = "lib"\n'
    after = tomllib.loads(repository().text("pyproject.toml", before))["tool"]["setuptools"]["package-dir"]
    assert after["other"] == "lib"
    assert after["tracking"] == f"{TRACKING}/tracking"
    assert "" not in after


def test_package_dir_keeps_the_old_root_for_what_stays() -> None:
    before = '[tool.setuptools]\npackage-dir = {"" = "src"}\n'
    after = tomllib.loads(repository(leave=("src/utils",)).text("pyproject.toml", before))
    assert after["tool"]["setuptools"]["package-dir"][""] == "src"


def test_entry_points_name_the_new_modules() -> None:
    before = """\
[project.scripts]
train = "train.main_train:main"   # the trainer
work = 'src.cloud.worker:run'
other = "uvicorn.main:main"
[project.entry-points."laxai.plugins"]
store = "common.storage"
"""
    after = tomllib.loads(repository().text("pyproject.toml", before))["project"]
    assert after["scripts"] == {
        "train": "training.main_train:main",
        "work": "cloud.worker:run",
        "other": "uvicorn.main:main",
    }
    assert after["entry-points"]["laxai.plugins"]["store"] == "shared_libs.common.storage"
    assert "   # the trainer" in repository().text("pyproject.toml", before)


def test_pytest_finds_tests_and_modules_where_they_went() -> None:
    before = (
        '[tool.pytest.ini_options]\ntestpaths = ["tests", "docs"]\npythonpath = ["src", "."]\n'
        'addopts = "-v --cov=src/train"\n'
    )
    after = tomllib.loads(repository().text("pyproject.toml", before))["tool"]["pytest"]["ini_options"]
    assert after["testpaths"] == [
        "services/service-api/tests/api",
        "services/service-tracking/tests/track",
        "tests",
        "docs",
    ]
    assert after["pythonpath"] == [*ROOTS, "."]
    assert after["addopts"] == f"-v --cov={TRAINING}/training"


def test_tools_look_at_the_new_folders() -> None:
    before = """\
[tool.mypy]
mypy_path = "src"
files = ["src/train", "src/common/storage.py"]
[[tool.mypy.overrides]]
module = ["train.dataset", "cv2.*"]
[tool.ruff]
src = ["src"]
extend-exclude = ["src/utils/*.py"]
[tool.ruff.lint.per-file-ignores]
"src/api/**" = ["E501"]
[tool.coverage.run]
source = ["src"]
omit = ["src/track/pipeline.py"]
"""
    tool = tomllib.loads(repository().text("pyproject.toml", before))["tool"]
    assert tool["mypy"]["mypy_path"].split(",") == [*ROOTS, "."]
    assert tool["mypy"]["files"] == [f"{TRAINING}/training", "shared_libs/common/storage.py"]
    assert tool["mypy"]["overrides"][0]["module"] == ["training.dataset", "cv2.*"]
    assert tool["ruff"]["src"] == [*ROOTS, "."]
    assert tool["ruff"]["extend-exclude"] == ["shared_libs/utils/*.py"]
    assert tool["ruff"]["lint"]["per-file-ignores"] == {f"{API}/api/**": ["E501"]}
    assert f"{TRAINING}/training" in tool["coverage"]["run"]["source"]
    assert tool["coverage"]["run"]["omit"] == [f"{TRACKING}/tracking/pipeline.py"]


def test_a_list_written_line_by_line_stays_so() -> None:
    before = '[tool.pytest.ini_options]\r\npythonpath = [\r\n\t"src", # code\r\n\t"lib",\r\n]\r\n'
    after = repository().text("pyproject.toml", before)
    roots = ",\r\n".join(f'\t"{root}"' for root in [*ROOTS, "."])
    assert after == f'[tool.pytest.ini_options]\r\npythonpath = [\r\n{roots}, # code\r\n\t"lib",\r\n]\r\n'


def test_the_root_as_an_import_root_gets_company() -> None:
    before = '[tool.pytest.ini_options]\npythonpath = ["."]\n'
    after = tomllib.loads(repository().text("pyproject.toml", before))
    assert set(after["tool"]["pytest"]["ini_options"]["pythonpath"]) == {".", *ROOTS}


def test_values_of_other_toml_files_are_likely_at_most() -> None:
    found = repository().mentions(
        "config.toml", '[data]\nstructure = "src/config/gcs_structure.yaml"\nname = "modules"\n'
    )
    assert [(one.certainty, one.new_text) for one in found] == [
        (Certainty.LIKELY, "shared_libs/config/gcs_structure.yaml")
    ]


def test_toml_that_is_none_is_read_as_text() -> None:
    (mention,) = repository().mentions("pyproject.toml", 'files = ["src/common/storage.py"\n[')
    assert mention.certainty is Certainty.LIKELY


# INI files


def test_pytest_ini_and_setup_cfg_are_rewritten_in_their_own_manner() -> None:
    repo = repository()
    before = (
        "[pytest]\npythonpath = src .\ntestpaths =\n    tests\n    docs\naddopts =\n"
        "    --strict-markers\n    --cov=src/train\n"
    )
    after = repo.text("pytest.ini", before)
    assert f"pythonpath = {' '.join(ROOTS)} .\n" in after
    assert (
        "testpaths =\n    services/service-api/tests/api\n"
        "    services/service-tracking/tests/track\n    tests\n    docs\n" in after
    )
    assert f"    --cov={TRAINING}/training\n" in after
    before = (
        "[options]\npackage_dir =\n    = src\n\n[options.packages.find]\nwhere = src\n\n"
        "[options.entry_points]\nconsole_scripts =\n    t = train.main_train:main\n"
    )
    after = repo.text("setup.cfg", before)
    assert f"    tracking = {TRACKING}/tracking\n" in after
    assert f"where = {' '.join(ROOTS)} .\n" in after
    assert "    t = training.main_train:main\n" in after


def test_tox_and_coverage_and_mypy() -> None:
    repo = repository()
    before = "[testenv]\nsetenv =\n    PYTHONPATH = {toxinidir}/src\ncommands = pytest tests/track {posargs}\n"
    after = repo.text("tox.ini", before)
    assert f"    PYTHONPATH = {':'.join('{toxinidir}/' + root for root in ROOTS)}:{{toxinidir}}\n" in after
    assert "commands = pytest services/service-tracking/tests/track {posargs}\n" in after
    assert (
        repo.text(".coveragerc", "[run]\nsource = src/train,src/api\n")
        == f"[run]\nsource = {TRAINING}/training,{API}/api\n"
    )
    assert repo.text("mypy.ini", "[mypy]\nmypy_path = src:lib\n") == f"[mypy]\nmypy_path = {':'.join(ROOTS)}:.:lib\n"
    assert repo.text(".flake8", "[flake8]\nper-file-ignores =\n    src/api/v1/routes.py:E501\n").endswith(
        f"    {API}/api/v1/routes.py:E501\n"
    )


def test_comments_in_settings_are_likely() -> None:
    found = repository().mentions(
        "pytest.ini", "[pytest]\n# see src/config/logging_config.py\n; and src/common/storage.py\n"
    )
    assert [one.certainty for one in found] == [Certainty.LIKELY, Certainty.LIKELY]


# JSON


def test_pyright_searches_the_new_roots_and_comments_stay() -> None:
    before = (
        '{\n  // paths\n  "extraPaths": ["src", ".", "./tools"], // all\n  "exclude": ["**/runs/**", "src/utils"],\n}\n'
    )
    after = repository().text("pyrightconfig.json", before)
    roots = ", ".join(f'"{root}"' for root in ROOTS)
    assert (
        after == f'{{\n  // paths\n  "extraPaths": [{roots}, ".", "./tools"], // all\n'
        '  "exclude": ["**/runs/**", "shared_libs/utils"],\n}\n'
    )


def test_vs_code_paths_start_at_the_workspace() -> None:
    before = {
        "configurations": [
            {"program": "${workspaceFolder}/src/train/main_train.py", "cwd": "${workspaceFolder}",
             "env": {"PYTHONPATH": "${workspaceFolder}/src"}},
            {"module": "src.cloud.worker", "args": ["--config", "src/config/cloud-config.env"]},
            {"module": "uvicorn", "args": ["src.api.v1.routes:app"]},
        ]
    }  # fmt: skip
    after = json.loads(repository().text(".vscode/launch.json", json.dumps(before, indent=4)))["configurations"]
    assert after[0]["program"] == f"${{workspaceFolder}}/{TRAINING}/training/main_train.py"
    assert after[0]["cwd"] == "${workspaceFolder}"
    assert after[0]["env"]["PYTHONPATH"].split(":") == [f"${{workspaceFolder}}/{root}" for root in ROOTS] + [
        "${workspaceFolder}"
    ]
    assert after[1]["module"] == "cloud.worker"
    assert after[1]["args"] == ["--config", "shared_libs/config/cloud-config.env"]


def test_vs_code_settings() -> None:
    before = '{"python.analysis.extraPaths": ["./src"], "python.testing.pytestArgs": ["tests/track", "-q"]}'
    after = json.loads(repository().text(".vscode/settings.json", before))
    assert after["python.analysis.extraPaths"] == [f"./{root}" for root in ROOTS] + ["."]
    assert after["python.testing.pytestArgs"] == ["services/service-tracking/tests/track", "-q"]


@pytest.mark.parametrize(
    "path", ["/Users/somebody/Code/LaxAI/src", "/home/somebody/x/.venv31211/bin/python", ".venv/bin/python"]
)
def test_paths_of_one_machine_are_asked_about_and_never_rewritten(path: str) -> None:
    (mention,) = repository().mentions(".vscode/settings.json", json.dumps({"python.defaultInterpreterPath": path}))
    assert (mention.certainty, mention.edits) == (Certainty.ASK, ())


def test_structured_texts_are_read_like_their_libraries_do() -> None:
    text = (
        '# c\n[a."b.c"]\nx = [1, "two", {y = \'three\'}] # "no"\nz = """four\n"fold" """\n'
        "w.v = 2020-01-01\n[[d]]\nt = true\n"
    )
    items = [(item.path, text[item.inner : item.inner_end]) for item in read_toml(text) if not item.is_key]
    assert items == [
        (("a", "b.c", "x"), "two"),
        (("a", "b.c", "x", "y"), "three"),
        (("a", "b.c", "z"), 'four\n"fold" '),
    ]
    json_text = '\xef\xbb\xbf{"a": [1, "b\\"c", null], /* "x" */ "d": {"e": "f"},}\n// end'
    items = [(item.path, json_text[item.inner : item.inner_end]) for item in read_json(json_text) if not item.is_key]
    assert items == [(("a",), 'b\\"c'), (("d", "e"), "f")]


@pytest.mark.parametrize("text", ['a = "b', "a = [1", "= 1", "[a", 'a = {b = "c"', "a"])
def test_toml_that_does_not_end_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_toml(text)


# YAML


def test_a_workflow_runs_the_same_on_the_new_folders() -> None:
    before = """\
on:
  push:
    paths:
      - 'src/**'
      - "src/train/**"
      - README.md
jobs:
  test:
    env:
      PYTHONPATH: ${{ github.workspace }}/src
    steps:
      - run: pytest tests/track --cov=src.train  # quick
      - run: |
          cd ${{ github.workspace }}
          python -m src.train.main_train --config src/config/cloud-config.env
      - uses: actions/cache@v4
        with: {path: ~/.cache, key: "src/common"}
      - working-directory: src/cloud
        run: python worker.py
"""
    after = repository().text(".github/workflows/ci.yml", before)
    assert f"      - '{TRAINING}/training/**'\n" in after
    assert "      - 'shared_libs/config/**'\n" in after
    assert "- 'src/**'" not in after
    roots = ":".join(f"${{{{ github.workspace }}}}/{root}" for root in ROOTS)
    assert f"PYTHONPATH: {roots}:${{{{ github.workspace }}}}\n" in after
    assert "pytest services/service-tracking/tests/track " in after
    assert "          python -m training.main_train --config shared_libs/config/cloud-config.env\n" in after
    assert f"working-directory: {CLOUD}/cloud\n" in after


def test_cloud_build_and_its_docker_files() -> None:
    repo = with_file_moved(repository(), "docker/worker/Dockerfile.worker", "services/service-cloud/Dockerfile")
    before = (
        'steps:\n- name: docker\n  args:\n    - "build"\n    - "-f"\n'
        '    - "docker/worker/Dockerfile.worker"\n    - "."\n'
    )
    after = before.replace("docker/worker/Dockerfile.worker", "services/service-cloud/Dockerfile")
    assert repo.text("deploy/cloudbuild/cloudbuild-worker.yaml", before) == after


def test_compose_files_build_and_mount_the_new_folders() -> None:
    repo = with_file_moved(repository(), "docker/Dockerfile", "services/service-api/Dockerfile")
    before = """\
services:
  api:
    build:
      context: .
      dockerfile: docker/Dockerfile
    command: uvicorn src.api.v1.routes:app
    env_file: src/config/cloud-config.env
    volumes:
      - ./src/train:/app/src/train:ro
      - ./src:/app/src
    environment:
      - PYTHONPATH=src
"""
    after = repo.text("docker-compose.yml", before)
    assert "      dockerfile: services/service-api/Dockerfile\n" in after
    assert "    command: uvicorn api.v1.routes:app\n" in after
    assert "    env_file: shared_libs/config/cloud-config.env\n" in after
    assert f"      - ./{CLOUD}/cloud:/app/{CLOUD}/cloud\n" in after
    assert f"      - PYTHONPATH={':'.join(ROOTS)}:.\n" in after


def test_yaml_of_an_unknown_kind_is_likely_only() -> None:
    found = repository().mentions("data/paths.yaml", "prefixes:\n  code: src/common/storage.py\n  raw: src/\n")
    assert [(one.place.line, one.certainty) for one in found] == [(2, Certainty.LIKELY)]
