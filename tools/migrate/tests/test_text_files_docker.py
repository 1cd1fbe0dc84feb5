"""Dockerfiles: COPY, PYTHONPATH and what runs in the image."""

import pytest

from migrate.model import Certainty
from migrate.testing.renamed import API, CLOUD, TRACKING, TRAINING, repository, with_file_moved

ROOTS = (TRACKING, TRAINING, API, CLOUD)


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_a_folder_copied_to_its_own_name_is_copied_to_its_new_one() -> None:
    repo = repository()
    assert (
        repo.text("Dockerfile", "COPY src/track/ src/track/\n") == f"COPY {TRACKING}/tracking/ {TRACKING}/tracking/\n"
    )
    assert (
        repo.text("Dockerfile", "ADD ./src/common /app/src/common\n")
        == "ADD ./shared_libs/common /app/shared_libs/common\n"
    )


def test_a_folder_whose_files_part_is_copied_folder_by_folder() -> None:
    text = repository().text(
        "docker/worker/Dockerfile.worker", "FROM x\nWORKDIR /app\nCOPY --chown=1000 src/ src/\nRUN true\n"
    )
    assert lines(text) == [
        "FROM x",
        "WORKDIR /app",
        f"COPY --chown=1000 {API}/api/ {API}/api/",
        f"COPY --chown=1000 {CLOUD}/cloud/ {CLOUD}/cloud/",
        f"COPY --chown=1000 {TRACKING}/tracking/ {TRACKING}/tracking/",
        f"COPY --chown=1000 {TRAINING}/training/ {TRAINING}/training/",
        "COPY --chown=1000 shared_libs/common/ shared_libs/common/",
        "COPY --chown=1000 shared_libs/config/ shared_libs/config/",
        "COPY --chown=1000 shared_libs/utils/ shared_libs/utils/",
        "RUN true",
    ]


def test_what_stays_of_a_folder_is_still_copied() -> None:
    text = repository(leave=("src/utils",)).text("Dockerfile", "COPY src /app/src\n")
    assert "COPY src/utils /app/src/utils\n" in text or "COPY src /app/src\n" in text
    assert "COPY shared_libs/utils" not in text


def test_a_parted_folder_copied_as_an_import_root_keeps_being_one_if_one_says_so() -> None:
    repo = repository()
    (mention,) = repo.mentions("Dockerfile", "WORKDIR /code\nCOPY src .\n")
    assert mention.certainty is Certainty.LIKELY
    text = repo.text("Dockerfile", "WORKDIR /code\nCOPY src .\n", likely=True)
    assert f"COPY {TRAINING}/training training" in lines(text)
    assert "COPY shared_libs/common shared_libs/common" in lines(text)


def test_a_folder_copied_below_an_import_root_gets_its_new_name_there() -> None:
    repo = repository()
    before = "WORKDIR /app\nENV PYTHONPATH=/app\nCOPY src/train /app/train\n"
    assert lines(repo.text("Dockerfile", before))[-1] == f"COPY {TRAINING}/training /app/training"


def test_a_folder_copied_elsewhere_is_only_likely() -> None:
    (mention,) = repository().mentions("Dockerfile", "COPY src/config /etc/laxai\n")
    assert mention.certainty is Certainty.LIKELY
    assert mention.new_text == "COPY shared_libs/config /etc/laxai"


def test_a_file_keeps_the_name_that_the_image_gives_it_and_its_module_too() -> None:
    repo = with_file_moved(repository(), "src/main.py", f"{API}/api/main.py")
    repo.renames.modules.update({"main": "api.main", "src.main": "api.main"})
    before = 'WORKDIR /app\nCOPY src/main.py /app/main.py\nCMD ["sh", "-c", "uvicorn main:app --port 80"]\n'
    after = f'WORKDIR /app\nCOPY {API}/api/main.py /app/main.py\nCMD ["sh", "-c", "uvicorn main:app --port 80"]\n'
    assert repo.text("Dockerfile", before) == after
    assert repo.text("Dockerfile", 'CMD ["uvicorn", "src.main:app"]\n') == 'CMD ["uvicorn", "api.main:app"]\n'


def test_a_file_copied_to_its_place_goes_to_its_new_place() -> None:
    repo = repository()
    before = "COPY src/config/gcs_structure.yaml /app/src/config/gcs_structure.yaml\n"
    after = "COPY shared_libs/config/gcs_structure.yaml /app/shared_libs/config/gcs_structure.yaml\n"
    assert repo.text("Dockerfile", before) == after
    assert repo.text("Dockerfile", "COPY src/common/storage.py src/common/\n") == (
        "COPY shared_libs/common/storage.py shared_libs/common/\n"
    )


def test_several_sources_of_one_folder_keep_together() -> None:
    before = "COPY src/train/dataset.py src/train/main_train.py src/train/\n"
    after = f"COPY {TRAINING}/training/dataset.py {TRAINING}/training/main_train.py {TRAINING}/training/\n"
    assert repository().text("Dockerfile", before) == after


def test_the_list_form_is_read_too() -> None:
    before = 'COPY ["src/common/", "/app/src/common/"]\n'
    assert repository().text("Dockerfile", before) == 'COPY ["shared_libs/common/", "/app/shared_libs/common/"]\n'


@pytest.mark.parametrize(
    "text",
    [
        "COPY --from=builder src/track src/track\n",
        "COPY requirements/ requirements/\n",
        "RUN pip install -r requirements/base.txt\n",
        "COPY . .\n",
        "ADD https://example.org/src/common /tmp/x\n",
        "FROM registry/src/common:1\n",
        "RUN ls /usr/src/common mysrc/common lib/src/common\n",
        "COPY <<EOF /app/x\nsome text\nEOF\n",
        "RUN git clone git@host:src/common\n",
        "ENV HOME=/home/laxai\n",
    ],
)
def test_what_is_no_path_of_the_repository_stays(text: str) -> None:
    assert repository().mentions("Dockerfile", text) == []


def test_python_path_becomes_the_new_import_roots_of_the_image() -> None:
    before = "FROM x\nENV A=1 \\\n    PYTHONPATH=/app/src\nWORKDIR /app\nCOPY src /app/src\n"
    text = repository().text("Dockerfile", before)
    assert f"    PYTHONPATH={':'.join(f'/app/{root}' for root in ROOTS)}:/app\n" in text


def test_python_path_keeps_its_other_entries() -> None:
    before = 'WORKDIR /app\nCOPY src src\nENV PYTHONPATH="/opt/lib:/app/src:${PYTHONPATH}"\n'
    roots = ":".join(f"/app/{root}" for root in ROOTS)
    assert f'ENV PYTHONPATH="/opt/lib:{roots}:/app:${{PYTHONPATH}}"\n' in repository().text("Dockerfile", before)


def test_programs_and_modules_that_are_started_are_renamed() -> None:
    repo = repository()
    head = "ENV PYTHONPATH=/opt\nWORKDIR /app\nCOPY . .\n"
    after = f'CMD ["python", "{CLOUD}/cloud/worker.py"]\n'
    assert repo.text("Dockerfile", head + 'CMD ["python", "src/cloud/worker.py"]\n') == head + after
    assert repo.text("Dockerfile", head + "ENTRYPOINT python -m src.cloud.worker --x\n") == (
        head + "ENTRYPOINT python -m cloud.worker --x\n"
    )
    assert repo.text("Dockerfile", head + 'ENTRYPOINT ["python", "-m", "src.train.main_train"]\n') == (
        head + 'ENTRYPOINT ["python", "-m", "training.main_train"]\n'
    )


def test_a_program_that_found_its_imports_through_the_working_folder_gets_the_new_roots() -> None:
    repo = repository()
    before = 'WORKDIR /app\nCOPY . .\nCMD ["uvicorn", "src.api.v1.routes:app"]\n'
    roots = ":".join(f"/app/{root}" for root in ROOTS)
    after = f'WORKDIR /app\nCOPY . .\nENV PYTHONPATH={roots}:/app\nCMD ["uvicorn", "api.v1.routes:app"]\n'
    assert repo.text("Dockerfile", before) == after
    installed = before.replace("CMD", "RUN pip install .\nCMD")
    assert "PYTHONPATH" not in repo.text("Dockerfile", installed)
    assert "PYTHONPATH" not in repo.text("Dockerfile", 'WORKDIR /app\nCOPY . .\nCMD ["python", "tools/reporting.py"]\n')


def test_an_argument_before_the_first_stage_is_seen_from_the_working_folder() -> None:
    before = 'ARG ENTRY_POINT="python src/cloud/worker.py"\nFROM x\nWORKDIR /app\nCOPY src/ src/\n'
    assert lines(repository().text("Dockerfile", before))[0] == f'ARG ENTRY_POINT="python {CLOUD}/cloud/worker.py"'


def test_paths_of_the_image_follow_what_is_copied_there() -> None:
    before = (
        "COPY src/config /app/src/config\n"
        "RUN cat /app/src/config/gcs_structure.yaml /other/src/config/gcs_structure.yaml\n"
    )
    after = "RUN cat /app/shared_libs/config/gcs_structure.yaml /other/src/config/gcs_structure.yaml"
    assert lines(repository().text("Dockerfile", before))[1] == after


def test_a_working_folder_inside_of_the_repository_moves_with_it() -> None:
    before = 'WORKDIR /app\nCOPY . .\nWORKDIR /app/src/cloud\nCMD ["python", "worker.py"]\n'
    after = f'WORKDIR /app\nCOPY . .\nWORKDIR /app/{CLOUD}/cloud\nCMD ["python", "worker.py"]\n'
    assert repository().text("Dockerfile", before) == after


def test_a_context_that_is_the_dockerfiles_own_folder_is_noticed() -> None:
    repo = repository()
    together = with_file_moved(repo, "src/cloud/Dockerfile", f"{CLOUD}/cloud/Dockerfile")
    assert together.mentions("src/cloud/Dockerfile", "COPY requirements.txt worker.py ./\n") == []
    moved = with_file_moved(repo, "src/cloud/Dockerfile", "docker/cloud/Dockerfile")
    (mention,) = moved.mentions("src/cloud/Dockerfile", "COPY worker.py /app/worker.py\n")
    assert mention.certainty is Certainty.ASK  # outside of the build context


def test_continuation_lines_comments_and_line_ends_stay() -> None:
    before = (
        b"# syntax=x\r\nRUN a \\\r\n  # a comment\r\n\tpython src/train/main_train.py \\\r\n"
        b"  && true  \r\nCOPY src/utils src/utils\r\n"
    )
    after = before.replace(b"python src/train/", f"python {TRAINING}/training/".encode())
    after = after.replace(b"src/utils src/utils", b"shared_libs/utils shared_libs/utils")
    repo = repository()
    head = b"COPY . ./\r\n"
    assert repo.rewritten("Dockerfile", head + before) == head + after


def test_comments_are_likely_only() -> None:
    (mention,) = repository().mentions("Dockerfile", "# copies src/common/storage.py\nFROM x\n")
    assert mention.certainty is Certainty.LIKELY
    assert mention.place.line == 1
