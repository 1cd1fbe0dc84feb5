from __future__ import annotations

import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from deploy.local.tests.parts import RUN, Pipe, part, sample_part, start, tracking_part, waiting_part
from local_stack.commands import SAMPLE, TRACKING


def demo(where: Path, *arguments: str, sample: str | None = None, tracking: str | None = None) -> tuple[int, str, str]:
    """Runs the demo in `where`: its exit code, output and errors."""
    process = start_demo(where, *arguments, sample=sample, tracking=tracking)
    output, errors = process.communicate()
    return process.returncode, output, errors


def start_demo(
    where: Path, *arguments: str, sample: str | None = None, tracking: str | None = None
) -> subprocess.Popen[str]:
    settings = {
        SAMPLE: sample if sample is not None else sample_part(where),
        TRACKING: tracking if tracking is not None else tracking_part(where),
    }
    return start("local_stack.demo", *arguments, where=where, **settings)


def test_it_ends_by_saying_where_the_results_are_and_how_good_they_are(tmp_path: Path) -> None:
    code, output, errors = demo(tmp_path)

    assert code == 0, errors
    assert "annotated video   laxai-demo/tracking/annotated.mp4\n" in output
    assert "report            laxai-demo/tracking/report.html\n" in output
    assert output.endswith("HOTA 71.5 %, IDF1 80.2 %, 12 identity switches\n")
    assert (tmp_path / "laxai-demo" / "tracking" / "annotated.mp4").is_file()


def test_what_the_parts_print_passes_through_in_order(tmp_path: Path) -> None:
    _, output, errors = demo(tmp_path)

    assert output.index("1 of 2") < output.index("the clip is rendered") < output.index("2 of 2")
    assert errors == "tracked\n"


def test_it_can_be_run_again_into_the_same_folder(tmp_path: Path) -> None:
    assert demo(tmp_path)[0] == 0
    assert demo(tmp_path)[0] == 0


def test_options_reach_the_renderer(tmp_path: Path) -> None:
    code, _, errors = demo(tmp_path, "--out", "deep/here", "--seconds", "3", "--seed", "7")

    assert code == 0, errors
    arguments = (tmp_path / "deep" / "here" / "sample" / "arguments.txt").read_text().splitlines()
    assert arguments == ["--out", "deep/here/sample", "--seconds=3", "--seed=7"]


@pytest.mark.parametrize("which", ["sample", "tracking"])
def test_a_part_that_fails_ends_it_with_one_line_and_the_parts_exit_code(tmp_path: Path, which: str) -> None:
    failing = part(tmp_path, "failing", "import sys; print('error: no disk', file=sys.stderr); sys.exit(5)")

    code, output, errors = demo(tmp_path, **{which: failing})

    assert code == 5
    assert errors.splitlines()[0] == "error: no disk"
    assert errors.splitlines()[1].endswith("ended with exit code 5; what it printed above says why")
    assert len(errors.splitlines()) == 2
    assert "annotated video" not in output


def test_a_failed_render_is_not_tracked(tmp_path: Path) -> None:
    demo(tmp_path, sample=part(tmp_path, "failing", "raise SystemExit(1)"))

    assert not (tmp_path / "laxai-demo" / "tracking").exists()


def test_results_without_scores_are_refused(tmp_path: Path) -> None:
    code, _, errors = demo(tmp_path, tracking=tracking_part(tmp_path, RUN | {"metrics": {"hota": 0.5}}))

    assert code == 2
    assert "has no metric 'idf1'" in errors


def test_a_missing_result_is_refused(tmp_path: Path) -> None:
    code, _, errors = demo(tmp_path, tracking=part(tmp_path, "idle", "pass"))

    assert code == 2
    assert "run.json: no such file" in errors


@pytest.mark.parametrize("setting", ["", "no/such/program"])
def test_a_part_that_is_not_there_is_an_error_of_one_line(tmp_path: Path, setting: str) -> None:
    code, _, errors = demo(tmp_path, tracking=setting)

    assert code == 2
    assert errors.startswith(f"error: {TRACKING}: ") and errors.count("\n") == 1
    assert not (tmp_path / "laxai-demo").exists()


def test_an_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")

    code, _, errors = demo(tmp_path, "--out", "taken")

    assert (code, errors) == (2, "error: taken: is a file, not a folder \N{EN DASH} choose another --out\n")
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_a_part_leaves_nothing_running(tmp_path: Path, number: signal.Signals, code: int) -> None:
    pipe = Pipe(tmp_path / "pipe")
    process = start_demo(tmp_path, tracking=waiting_part(tmp_path, pipe))
    pipe.wait_for(b"up")

    process.send_signal(number)
    _, errors = process.communicate()

    assert process.returncode == code
    assert errors.splitlines()[-1] == "stopped; nothing of it is running any more"
    pipe.wait_for_end()


def test_where_the_user_stands_counts_and_not_the_runfiles(tmp_path: Path) -> None:
    for name in ("user", "runfiles"):
        (tmp_path / name).mkdir()
    # The real parts resolve their paths in the same way; the stand-ins are told by a change of folder.
    enter = f"cd {shlex.quote(str(tmp_path / 'user'))} && exec "
    settings = {
        name: shlex.join(["sh", "-c", f'{enter}{command} "$@"', "sh"])
        for name, command in ((SAMPLE, sample_part(tmp_path)), (TRACKING, tracking_part(tmp_path)))
    } | {"BUILD_WORKING_DIRECTORY": str(tmp_path / "user")}

    process = start("local_stack.demo", where=tmp_path / "runfiles", **settings)
    _, errors = process.communicate()

    assert process.returncode == 0, errors
    assert (tmp_path / "user" / "laxai-demo" / "tracking" / "report.html").is_file()
    assert not list((tmp_path / "runfiles").iterdir())
