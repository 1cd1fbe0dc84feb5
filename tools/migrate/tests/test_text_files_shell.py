"""Shell scripts, Makefiles, Procfiles and environment files."""

import pytest

from migrate.model import Certainty
from migrate.testing.renamed import API, CLOUD, TRACKING, TRAINING, repository, with_file_moved

ROOTS = [TRACKING, TRAINING, API, CLOUD]
STAYING = "deploy/run.sh"  # a script that does not move


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("source ./src/config/cloud-config.env", "source ./shared_libs/config/cloud-config.env"),
        ('. "src/config/cloud-config.env"', '. "shared_libs/config/cloud-config.env"'),
        ("python src/train/main_train.py --epochs 3", f"python {TRAINING}/training/main_train.py --epochs 3"),
        ("python3 -m src.train.main_train", "python3 -m training.main_train"),
        ("exec python -u -m train.main_train", "exec python -u -m training.main_train"),
        ("PYTHONPATH=src python x.py", f"PYTHONPATH={':'.join(ROOTS)}:. python x.py"),
        (
            'export PYTHONPATH="$PWD/src:$PYTHONPATH"',
            f'export PYTHONPATH="{":".join("$PWD/" + root for root in ROOTS)}:$PWD:$PYTHONPATH"',
        ),
        ("uvicorn src.api.v1.routes:app --reload", "uvicorn api.v1.routes:app --reload"),
        (
            "pytest tests/track/test_pipeline.py::test_a -k x",
            "pytest services/service-tracking/tests/track/test_pipeline.py::test_a -k x",
        ),
        ("mypy src/train && ruff check src/api", f"mypy {TRAINING}/training && ruff check {API}/api"),
        ("run --config=src/config/gcs_structure.yaml;ls", "run --config=shared_libs/config/gcs_structure.yaml;ls"),
        ("ls modules", f"ls {TRACKING}/tracking/modules"),
        ("pip install -r src/cloud/requirements.txt", f"pip install -r {CLOUD}/cloud/requirements.txt"),
        ("X=$(cat src/config/cloud-config.env)", "X=$(cat shared_libs/config/cloud-config.env)"),
        ("python -c 'from src.train.dataset import D; D()'", "python -c 'from training.dataset import D; D()'"),
        ("flake8 src/train/*.py", f"flake8 {TRAINING}/training/*.py"),
        ("python \\\n\tsrc/cloud/worker.py \\\n  --x", f"python \\\n\t{CLOUD}/cloud/worker.py \\\n  --x"),
        ("pytest --cov=src/train --cov src.api", f"pytest --cov={TRAINING}/training --cov api"),
    ],
)  # fmt: skip
def test_words_of_commands_are_rewritten(before: str, after: str) -> None:
    assert repository().text(STAYING, f"#!/bin/sh\n{before}\n", likely="*" in before) == f"#!/bin/sh\n{after}\n"


@pytest.mark.parametrize(
    "line",
    [
        "curl https://example.org/src/common/storage.py",
        "ls /usr/src/app /opt/modules lib/src/common mysrc/x src2/common xsrc/common",
        "gsutil cp gs://bucket/src/common/storage.py .",
        "scp me@host:src/common/storage.py .",
        "npm install modules",
        "pytest -m track",
        "docker run registry/src:1",
        "echo done with modules and scripts",
        "x=src_common; y=a.src/common",
        "grep -r foo-src/common",
    ],
)
def test_what_only_looks_like_a_path_stays(line: str) -> None:
    assert repository().mentions(STAYING, f"{line}\n") == []


def test_a_script_that_moves_still_finds_the_root() -> None:
    repo = repository()
    before = """\
#!/usr/bin/env bash
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
ROOT="$(cd "${HERE}/.." && pwd)"
cd "$ROOT"
docker build "$(dirname "$0")/../docker" -f "$ROOT/docker/Dockerfile"
python "$ROOT/src/cloud/worker.py"
"""
    after = repo.text("scripts/deploy.sh", before)
    up = "/".join([".."] * 5)
    assert f'ROOT="$(cd "${{HERE}}/{up}" && pwd)"\n' in after
    assert f'docker build "$(dirname "$0")/{up}/docker" -f "$ROOT/docker/Dockerfile"\n' in after
    assert f'python "$ROOT/{CLOUD}/cloud/worker.py"\n' in after
    assert after.startswith('#!/usr/bin/env bash\nHERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\n')


def test_after_a_change_of_folder_words_start_there() -> None:
    repo = repository()
    before = "cd src/cloud && python worker.py local && cat ../config/cloud-config.env\n"
    after = f"cd {CLOUD}/cloud && python worker.py local && cat ../../../../shared_libs/config/cloud-config.env\n"
    assert repo.text(STAYING, before) == after


def test_a_change_into_a_folder_whose_files_part_is_a_question() -> None:
    found = repository().mentions(STAYING, "cd src && python train/main_train.py\n")
    assert found[0].certainty is Certainty.ASK
    assert found[0].edits == ()
    assert "shared_libs/common" in found[0].why


def test_a_change_outside_of_the_repository_hides_its_names() -> None:
    assert repository().mentions(STAYING, "cd /tmp/x && python src/cloud/worker.py\n") == []


def test_a_folder_whose_files_part_is_a_question() -> None:
    (mention,) = repository().mentions(STAYING, "rsync -a src/ backup/\n")
    assert (mention.certainty, mention.text, mention.edits) == (Certainty.ASK, "src/", ())


def test_comments_and_printed_texts_are_likely() -> None:
    text = "# Usage: ./scripts/deploy.sh\necho run src/cloud/worker.py\nls # src/common/storage.py\n"
    found = repository().mentions(STAYING, text)
    assert [(one.place.line, one.certainty) for one in found] == [
        (1, Certainty.LIKELY),
        (2, Certainty.LIKELY),
        (3, Certainty.LIKELY),
    ]


def test_an_unknown_variable_before_a_path_makes_it_likely() -> None:
    (mention,) = repository().mentions(STAYING, 'python "$SOMEWHERE/src/cloud/worker.py"\n')
    assert (mention.certainty, mention.new_text) == (Certainty.LIKELY, f"$SOMEWHERE/{CLOUD}/cloud/worker.py")


def test_a_module_that_is_run_says_what_it_needs() -> None:
    (mention,) = repository().mentions(STAYING, "python -m src.train.main_train\n")
    assert TRAINING in mention.why


def test_the_old_environments_programs_are_asked_about() -> None:
    (mention,) = repository().mentions(STAYING, "./.venv31211/bin/python -m pytest\n")
    assert (mention.certainty, mention.edits) == (Certainty.ASK, ())


def test_names_with_blanks_are_found_in_quotes() -> None:
    repo = with_file_moved(repository(), "src/my notes/a b.txt", "docs/my notes/a b.txt")
    assert repo.text(STAYING, 'cat "src/my notes/a b.txt"\n') == 'cat "docs/my notes/a b.txt"\n'


def test_makefiles() -> None:
    before = (
        "CONFIG := src/config/cloud-config.env\n\nrun: src/cloud/worker.py\n"
        "\t@PYTHONPATH=src python $(CURDIR)/src/cloud/worker.py\n\tcd src/train; ls\n"
    )
    after = repository().text("Makefile", before)
    assert after == (
        "CONFIG := shared_libs/config/cloud-config.env\n\n"
        f"run: {CLOUD}/cloud/worker.py\n"
        f"\t@PYTHONPATH={':'.join(ROOTS)}:. python $(CURDIR)/{CLOUD}/cloud/worker.py\n"
        f"\tcd {TRAINING}/training; ls\n"
    )


def test_process_files() -> None:
    before = "web: uvicorn src.api.v1.routes:app --port $PORT\nworker: python src/cloud/worker.py\n"
    after = f"web: uvicorn api.v1.routes:app --port $PORT\nworker: python {CLOUD}/cloud/worker.py\n"
    assert repository().text("Procfile", before) == after


def test_environment_files() -> None:
    before = "PYTHONPATH=./src\nFLASK_APP=src.api.v1.routes\n"
    after = f"PYTHONPATH={':'.join('./' + root for root in ROOTS)}:.\nFLASK_APP=api.v1.routes\n"
    assert repository().text(".env.example", before) == after


def test_a_script_without_a_suffix_is_known_by_its_first_line() -> None:
    assert (
        repository().text("bin/run", "#!/bin/bash\npython src/cloud/worker.py\n")
        == f"#!/bin/bash\npython {CLOUD}/cloud/worker.py\n"
    )
