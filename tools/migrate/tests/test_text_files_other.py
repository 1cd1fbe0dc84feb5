"""Ignore files, documentation, requirements, Terraform; encodings; and what holds for every text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.edits import apply_edits
from migrate.model import Certainty, Edit
from migrate.testing.renamed import API, CLOUD, TRACKING, TRAINING, Repository, repository, with_file_moved

REPOSITORY = repository()
STAYING = repository(leave=("src/utils",))

NAMES = (
    "Dockerfile", "docker/worker/Dockerfile.worker", ".dockerignore", ".gitignore", ".github/CODEOWNERS",
    ".github/workflows/ci.yml", "docker-compose.yml", "deploy/cloudbuild/a.yaml", "data.yaml", "pyproject.toml",
    "config.toml", "pytest.ini", "setup.cfg", "tox.ini", "pyrightconfig.json", ".vscode/launch.json",
    ".vscode/settings.json", "run.sh", "scripts/deploy.sh", "Makefile", "Procfile", ".env", "README.md",
    "src/api/README.md", "requirements/base.txt", "infra/main.tf", "notes.txt",
)  # fmt: skip


# Ignore files and owners


def test_patterns_follow_their_folders() -> None:
    before = "*.pyc\nsrc/utils/wandb\n!/src/track/keep.bin\n/modules/\nsrc/train/**/*.log  \n"
    after = (
        f"*.pyc\nshared_libs/utils/wandb\n!/{TRACKING}/tracking/keep.bin\n/{TRACKING}/tracking/modules/\n"
        f"{TRAINING}/training/**/*.log  \n"
    )
    assert REPOSITORY.text(".gitignore", before) == after


def test_a_pattern_below_a_folder_whose_files_part_is_written_for_each() -> None:
    after = REPOSITORY.text(".dockerignore", "src/**/__pycache__/\n").splitlines()
    assert f"{API}/api/**/__pycache__/" in after
    assert "shared_libs/utils/**/__pycache__/" in after
    assert "src/**/__pycache__/" not in after


def test_a_name_without_a_folder_means_any_depth_to_git_but_not_to_docker() -> None:
    assert REPOSITORY.mentions(".gitignore", "modules/\nsrc\n") == []
    assert REPOSITORY.text(".dockerignore", "modules/\n") == f"{TRACKING}/tracking/modules/\n"


def test_a_pattern_stays_for_what_stays() -> None:
    after = STAYING.text(".dockerignore", "src/**/x\n").splitlines()
    assert after[0] == "src/**/x"
    assert "shared_libs/common/**/x" in after


def test_an_ignore_file_in_a_folder_cannot_reach_outside_of_it() -> None:
    repo = with_file_moved(REPOSITORY, "src/out/keep", "elsewhere/keep")
    (mention,) = repo.mentions("src/.gitignore", "/out/keep\n")
    assert mention.certainty is Certainty.ASK


def test_owners_keep_their_folders() -> None:
    before = "# who\n/src/api/  @api-team  @x\nsrc/common/storage.py @y\n*.py @all\n"
    after = f"# who\n/{API}/api/  @api-team  @x\nshared_libs/common/storage.py @y\n*.py @all\n"
    assert REPOSITORY.text(".github/CODEOWNERS", before) == after


# Documentation


def test_documentation_is_likely_only() -> None:
    text = """\
See [the worker](../src/cloud/worker.py#L3), `src/config/cloud-config.env` and src/common/storage.py.

```bash
PYTHONPATH=./src python src/train/main_train.py
python -m src.cloud.worker
```

```python
from src.train.dataset import Dataset
```

Class `train.dataset.Dataset`; <https://example.org/src/common/storage.py>
"""
    found = REPOSITORY.mentions("documentation/GUIDE.md", text)
    assert {one.certainty for one in found} == {Certainty.LIKELY}
    after = REPOSITORY.text("documentation/GUIDE.md", text, likely=True)
    assert (
        f"[the worker](../{CLOUD}/cloud/worker.py#L3), `shared_libs/config/cloud-config.env`"
        " and shared_libs/common/storage.py." in after
    )
    assert f"python {TRAINING}/training/main_train.py\npython -m cloud.worker\n" in after
    assert "from training.dataset import Dataset" in after
    assert "`training.dataset.Dataset`" in after
    assert "https://example.org/src/common/storage.py" in after


def test_links_of_a_page_that_moves_still_lead_to_what_stays() -> None:
    after = REPOSITORY.text(
        "src/api/README.md", "[guide](../../documentation/GUIDE.md) [routes](v1/routes.py)\n", likely=True
    )
    assert after == "[guide](../../../../documentation/GUIDE.md) [routes](v1/routes.py)\n"


# Requirements, Terraform


def test_requirements_name_each_other_from_their_folder() -> None:
    repo = with_file_moved(REPOSITORY, "requirements/cloud.txt", "services/service-cloud/requirements.txt")
    assert repo.text("requirements/base.txt", "-r cloud.txt  # all\nnumpy\n") == (
        "-r ../services/service-cloud/requirements.txt  # all\nnumpy\n"
    )
    assert (
        repo.text("requirements/cloud.txt", "-r base.txt\n-r cloud.txt\n")
        == "-r ../../requirements/base.txt\n-r requirements.txt\n"
    )


def test_terraform_is_likely_or_a_question() -> None:
    found = REPOSITORY.mentions("infra/main.tf", 'source = "${path.module}/../src/cloud"\nall = "../src/"\n')
    assert [(one.certainty, one.new_text) for one in found] == [
        (Certainty.LIKELY, f"${{path.module}}/../{CLOUD}/cloud"),
        (Certainty.ASK, ""),
    ]


# Bytes


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig", "cp1252"])
def test_encodings_and_line_ends_stay(encoding: str) -> None:
    before = "# Größe – café\r\n\tpython src/cloud/worker.py\t \r\n\r\n".replace("–", "-").encode(encoding)
    after = before.replace(b"src/cloud/", f"{CLOUD}/cloud/".encode())
    assert REPOSITORY.rewritten("run.sh", before) == after


def test_names_in_utf_8_are_found() -> None:
    repo = with_file_moved(REPOSITORY, "src/größe/maß.txt", "docs/größe/maß.txt")
    assert repo.text("run.sh", "cat src/größe/maß.txt\n") == "cat docs/größe/maß.txt\n"


@pytest.mark.parametrize("contents", ["python src/cloud/worker.py".encode("utf-16"), b"src/cloud/worker.py\0", b""])
def test_what_is_no_text_of_ascii_has_no_mentions(contents: bytes) -> None:
    assert REPOSITORY.mentions("run.sh", contents) == []


def test_python_is_left_to_those_who_read_it() -> None:
    assert REPOSITORY.mentions("tools/a.py", 'x = "src/cloud/worker.py"\n') == []


def test_edits_replace_only_their_bytes() -> None:
    assert apply_edits(b"abcdef", [Edit(4, 5, b"-"), Edit(0, 1, b"AA"), Edit(6, 6, b"!")]) == b"AAbcd-f!"
    with pytest.raises(ValueError, match="overlaps"):
        apply_edits(b"abc", [Edit(0, 2, b""), Edit(1, 3, b"")])
    with pytest.raises(ValueError, match="outside"):
        apply_edits(b"abc", [Edit(2, 4, b"")])


# What holds for every text

PIECES = st.sampled_from([
    "src", "src/", "./src", "src/track", "src/train/dataset.py", "src/**", "modules", "../src/common",
    "src.train.dataset", "train.dataset", "src/common/storage.py", "/app/src", "/app", ".", "..", "tests",
    "tests/track", "PYTHONPATH=", "PYTHONPATH", "-m", "python", "pytest", "cd", "COPY", "ENV", "WORKDIR",
    "FROM x", "RUN", "CMD", "[", "]", "{", "}", '"', "'", ":", "=", ",", "\n", "\r\n", "\n  ", "\n\t", " ",
    "  ", "- ", "#", "\\\n", "&&", ";", "$ROOT/", "${workspaceFolder}/", "$(dirname $0)/..", "<<EOF", "EOF",
    "|", "`", "```", "](", ")", "(", "pythonpath = ", "extraPaths", "where", "[tool.pytest.ini_options]",
    "[pytest]", "é", "\xff", "--cov=", "*", "!", "import", "from", "paths:", "run: |", "volumes:", "args",
    "/Users/x/y", ".venv/bin/python", "uvicorn", "main:app", '"" = "src"', "package-dir",
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=30).map("".join)


@settings(max_examples=200, deadline=None)
@given(path=st.sampled_from(NAMES), text=TEXTS, likely=st.booleans())
def test_edits_of_a_file_never_overlap_and_say_what_they_replace(path: str, text: str, likely: bool) -> None:
    contents = text.encode("latin-1")
    for repo in (REPOSITORY, STAYING):
        found = repo.mentions(path, contents)
        apply_edits(contents, [edit for one in found for edit in one.edits])
        for one in found:
            assert 1 <= one.place.line <= len(contents.splitlines()) + 1
            assert one.why
        repo.rewritten(path, contents, likely)


@settings(max_examples=200, deadline=None)
@given(path=st.sampled_from(NAMES), text=TEXTS)
def test_a_second_run_over_any_text_finds_nothing_to_rewrite(path: str, text: str) -> None:
    for repo in (REPOSITORY, STAYING):
        once = repo.rewritten(path, text.encode("latin-1"), likely=True)
        again = repo.mentions(repo.renames.files.get(path, path), once)
        assert [one for one in again if one.edits and one.certainty is not Certainty.ASK] == []


@settings(max_examples=200, deadline=None)
@given(path=st.sampled_from(NAMES), text=st.text(st.characters(codec="utf-8", exclude_characters="/.~$"), max_size=80))
def test_a_text_without_a_name_of_ours_has_no_mentions(path: str, text: str) -> None:
    for word in (
        "src",
        "modules",
        "scripts",
        "tests",
        "track",
        "train",
        "api",
        "cloud",
        "common",
        "config",
        "utils",
        "services",
    ):
        text = text.replace(word, "x")
    assert [one for one in REPOSITORY.mentions(path, text.encode()) if one.edits] == []


EVERYTHING = {
    "Dockerfile": """\
WORKDIR /app
ENV PYTHONPATH=/app/src
COPY src /app/src
COPY src/train/ src/train/
RUN python -m src.cloud.worker
""",
    ".dockerignore": "src/**/x\nsrc/*.egg-info\nsrc/config/y\n",
    ".github/workflows/ci.yml": """\
on:
  push:
    paths:
    - src/**
jobs:
  x:
    run: |
      PYTHONPATH=src pytest --cov=src tests/track
""",
    "docker-compose.yml": "services:\n  a:\n    volumes:\n    - ./src:/app/src\n    - ./src/train:/x\n",
    "pyproject.toml": """\
[tool.setuptools]
package-dir = {"" = "src"}
[tool.setuptools.packages.find]
where = ["src"]
[tool.pytest.ini_options]
pythonpath = ["src", "."]
testpaths = ["tests"]
""",
    "pytest.ini": "[pytest]\npythonpath = src .\ntestpaths = tests\n",
    "setup.cfg": "[options]\npackage_dir =\n    = src\n[options.packages.find]\nwhere = src\n",
    "pyrightconfig.json": '{"extraPaths": ["src", "."], "include": ["src", "src/train"]}',
    ".vscode/launch.json": '{"env": {"PYTHONPATH": "${workspaceFolder}/src"}, "program": "src/train/dataset.py"}',
    "run.sh": "PYTHONPATH=src python src/train/main_train.py\nexport PYTHONPATH=.\n",
    "Makefile": "x:\n\tPYTHONPATH=.:src pytest tests/api\n",
    "README.md": "`src/train/dataset.py` PYTHONPATH=./src\n",
}


@pytest.mark.parametrize("repo", [REPOSITORY, STAYING], ids=["all moved", "some stay"])
@pytest.mark.parametrize("path", EVERYTHING)
def test_a_second_run_finds_nothing_to_rewrite(path: str, repo: Repository) -> None:
    once = repo.rewritten(path, EVERYTHING[path], likely=True)
    assert once != EVERYTHING[path].encode()
    assert [one for one in repo.mentions(path, once) if one.edits and one.certainty is not Certainty.ASK] == []
