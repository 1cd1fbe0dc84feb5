"""The demo with stand-ins for all that it starts; test_demo_whole.py has the real ones."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from deploy.local.tests.demo_parts import (
    BETTER,
    FIRST_RUN,
    SECOND_RUN,
    WORSE,
    api_part,
    asked,
    demo_settings,
    failing_part,
    tracking_part,
)
from deploy.local.tests.parts import Pipe, start, waiting_part
from local_stack.commands import API
from local_stack.demo import main


class Demo:
    """Runs the demo in a folder, in this process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capfd = capfd
        monkeypatch.chdir(folder)
        monkeypatch.delenv("BUILD_WORKING_DIRECTORY", raising=False)

    def __call__(self, *arguments: str, **parts: str) -> tuple[int, str, str]:
        """The exit code, what was printed, and what of it went to stderr; `parts` in place of the usual stand-ins."""
        for name, words in demo_settings(self.folder, **parts).items():
            self._monkeypatch.setenv(name, words)
        code = main([*arguments, "--no-serve"])
        output, errors = self._capfd.readouterr()
        return code, output, errors


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Demo:
    return Demo(tmp_path, monkeypatch, capfd)


def test_it_goes_through_all_services_and_ends_by_saying_what_the_model_changed(demo: Demo) -> None:
    code, output, errors = demo("--budget", "1m")

    assert (code, errors) == (0, "")
    titles = [line for line in output.splitlines() if line.startswith("===")]
    assert [title[4:10] for title in titles[:-1]] == [f"{number} of 7" for number in range(1, 8)]
    table = output[output.index("HOTA") :].splitlines()
    assert [line.split() for line in table[1:4]] == [
        ["by", "jersey", "colours", "86.0", "%", "91.5", "%", "12"],
        ["and", "by", "the", "model", "87.1", "%", "91.5", "%", "9"],
        ["change", "+1.1", "+0.0", "-3"],
    ]
    assert "The model helped." in output
    assert output.splitlines()[-3:] == [
        "  annotated video   laxai-demo/annotated.mp4  (the run with the model, which is no worse by HOTA)",
        "  report            laxai-demo/report.html",
        "  the page          ./bazelw run //:serve -- --storage laxai-demo/storage",
    ]
    results = demo.folder / "laxai-demo"
    assert (results / "annotated.mp4").read_text() == f"annotated.mp4 of {SECOND_RUN}"
    assert (results / "report.html").read_text() == f"report.html of {SECOND_RUN}"
    assert (results / "before.txt").read_text() == FIRST_RUN
    assert (results / "after.txt").read_text() == SECOND_RUN


def test_what_the_worker_is_asked_for(demo: Demo) -> None:
    demo("--budget", "1m")

    track, dataset, train, again = asked(demo.folder)
    video_id = "video_0123456789ab"
    assert (track["kind"], track["detections_file"]) == ("track_video", "boxes_of_det.txt")
    assert track["reid_model_id"] is None
    assert dataset["runs"] == [{"video_id": video_id, "run_id": FIRST_RUN}]
    assert (train["dataset_id"], train["budget_seconds"]) == ("dataset_000000000001", 60)
    assert train["base_model_id"] is None
    assert again == track | {"reid_model_id": "model_000000000002"}


def test_what_a_model_spoils_is_printed_and_the_better_run_is_shown(demo: Demo) -> None:
    code, output, _ = demo(tracking=tracking_part(demo.folder, BETTER, WORSE))

    assert code == 0
    assert "The model did harm" in output and "+3" in output
    assert "(the run without the model, which is better by HOTA)" in output
    assert (demo.folder / "laxai-demo" / "annotated.mp4").read_text() == f"annotated.mp4 of {FIRST_RUN}"


def test_what_the_parts_print_goes_to_logs(demo: Demo) -> None:
    _, output, _ = demo()

    logs = {path.name: path.read_text() for path in (demo.folder / "laxai-demo" / "log").iterdir()}
    assert "the clip is rendered" in logs["sample.log"]
    assert "POST /api/v1/jobs" in logs["api.log"]
    assert logs["evaluate.log"] == "measured\n" * 2
    assert "worker   running, pid " in logs["services.log"]
    assert not any(words in output for words in ("the clip is rendered", "POST", "running, pid"))


def test_options_reach_the_renderer(demo: Demo) -> None:
    code, _, errors = demo("--out", "deep/here", "--seconds", "3", "--seed", "7")

    assert code == 0, errors
    assert (demo.folder / "deep" / "here" / "sample" / "arguments.txt").read_text() == "--seconds=3 --seed=7"


def test_a_game_of_ones_own_is_counted(demo: Demo) -> None:
    (demo.folder / "game.mp4").write_text("film")
    (demo.folder / "boxes.txt").write_text("boxes.txt")
    code, output, _ = demo("--video", "game.mp4", "--detections", "boxes.txt", sample="", tracking="true")

    assert code == 0
    assert asked(demo.folder)[0]["detections_file"] == "boxes_of_boxes.txt"
    table = output[output.index("   players ") :].splitlines()
    assert [line.split()[-2:] for line in table[:3]] == [["players", "tracks"], ["20", "30"], ["23", "33"]]
    assert "the model: rank-1 87.5 %, mAP not known on what was held back" in output
    assert "HOTA" not in output and not (demo.folder / "laxai-demo" / "sample").exists()
    assert (demo.folder / "laxai-demo" / "annotated.mp4").read_text() == f"annotated.mp4 of {SECOND_RUN}"


def test_a_game_of_ones_own_that_teaches_nothing_is_shown_as_it_was_followed(demo: Demo) -> None:
    (demo.folder / "game.mp4").write_text("film")
    api = api_part(demo.folder, fails={"build_dataset": "too few people \N{EN DASH} track more games"})
    code, output, errors = demo("--video", "game.mp4", api=api)

    assert (code, errors) == (0, "")
    assert asked(demo.folder)[0]["detections_file"] is None
    assert "left out: the job build_dataset failed: too few people \N{EN DASH} track more games\n" in output
    assert "laxai-demo/annotated.mp4  (the only run)" in output
    assert (demo.folder / "laxai-demo" / "annotated.mp4").read_text() == f"annotated.mp4 of {FIRST_RUN}"


def test_a_film_that_the_api_does_not_take_is_an_error_of_one_line(demo: Demo) -> None:
    (demo.folder / "notes.txt").write_text("no film")
    code, _, errors = demo("--video", "notes.txt", api=api_part(demo.folder, end="refused"))

    assert code == 2
    assert errors.startswith("error: ") and "notes.txt: was not taken: it is no film" in errors
    assert errors.count("\n") == 1


def test_a_job_that_fails_ends_it_with_the_reason_and_the_jobs_log(demo: Demo) -> None:
    code, output, errors = demo(api=api_part(demo.folder, fails={"train_reid": "no memory"}))

    assert code == 1
    first, *log, last = errors.strip().splitlines()
    assert first.endswith("/job_000000000002/log.txt ends with:")
    assert log == ["  | reading", "  | no memory"]
    assert last == "error: the job train_reid failed: no memory"
    assert "Done in" not in output


def test_a_job_that_fails_without_a_log_is_shown_with_the_workers(demo: Demo) -> None:
    code, _, errors = demo(api=api_part(demo.folder, fails={"track_video": "no film"}, logs=False))

    assert code == 1
    assert "laxai-demo/log/worker.log ends with:" in errors
    assert errors.endswith("error: the job track_video failed: no film\n")


def test_a_clip_that_cannot_be_rendered_ends_it_with_the_last_lines_and_the_exit_code(demo: Demo) -> None:
    code, _, errors = demo(sample=failing_part(demo.folder, 5))

    assert code == 5
    assert errors.splitlines()[-1] == "error: sample ended with exit code 5; what it printed above says why"
    assert errors.splitlines()[-2] == "  | error: no disk"
    assert "line 29" in errors and "line 9\n" not in errors
    assert not (demo.folder / "asked.jsonl").exists()


@pytest.mark.parametrize("part", ["worker", "api"])
def test_a_service_that_finds_its_settings_bad_ends_it(demo: Demo, part: str) -> None:
    (demo.folder / "game.mp4").write_text("film")
    code, _, errors = demo("--video", "game.mp4", **{part: failing_part(demo.folder, 2)})

    assert code == 2
    assert errors.endswith(
        f"  | error: no disk\nerror: {part} ended with exit code 2; what it printed above says why\n"
    )


def test_it_can_be_run_again_with_nothing_left_of_the_time_before(demo: Demo) -> None:
    assert demo()[0] == 0
    results = demo.folder / "laxai-demo"
    (results / "mine.txt").write_text("mine")
    (demo.folder / "asked.jsonl").unlink()
    assert demo(tracking=tracking_part(demo.folder, BETTER, WORSE))[0] == 0

    runs = results / "storage" / "local" / "videos" / "video_0123456789ab" / "runs"
    assert sorted(path.name for path in runs.iterdir()) == [FIRST_RUN, SECOND_RUN]
    assert (results / "annotated.mp4").read_text() == f"annotated.mp4 of {FIRST_RUN}"
    assert (results / "log" / "sample.log").read_text() == "the clip is rendered\n"
    assert (results / "mine.txt").read_text() == "mine"


def test_a_results_folder_of_somebody_elses_is_refused_and_left_alone(demo: Demo) -> None:
    (demo.folder / "mine" / "storage").mkdir(parents=True)
    code, output, errors = demo("--out", "mine")

    assert (code, output) == (2, "")
    assert errors.startswith("error: ") and "mine: is not empty, and no demo has made it" in errors
    assert [path.name for path in (demo.folder / "mine").iterdir()] == ["storage"]


def test_the_services_are_told_of_nothing_but_the_demos_own(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAXAI_DATABASE", "LAXAI_STORAGE", "LAXAI_TENANT", "LAXAI_CONFIG", "LAXAI_ENGINE"):
        monkeypatch.setenv(name, "the user's")
    code, _, errors = demo()

    assert code == 0, errors
    told = json.loads((demo.folder / "told.json").read_text())
    results = demo.folder / "laxai-demo"
    assert told["LAXAI_DATABASE"] == f"sqlite:///{results}/storage/laxai.db"
    assert (told["LAXAI_STORAGE"], told["LAXAI_TENANT"]) == (f"{results}/storage", "local")
    assert told["LAXAI_WORK"].startswith(f"{results}/") and told["LAXAI_SPOOL"].startswith(f"{results}/")
    assert not {"LAXAI_CONFIG", "LAXAI_ENGINE"} & set(told)


def test_where_the_usual_port_is_taken_another_one_is_used(demo: Demo) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as good
        code, output, errors = demo()

    assert code == 0, errors
    assert "the API answers at http://127.0.0.1:" in output
    assert "127.0.0.1:8080;" not in output


@pytest.mark.parametrize("setting", ["", "no/such/program"])
def test_a_part_that_is_not_there_is_an_error_of_one_line(demo: Demo, setting: str) -> None:
    code, _, errors = demo(api=setting)

    assert code == 2
    assert errors.startswith(f"error: {API}: ") and errors.count("\n") == 1
    assert not (demo.folder / "laxai-demo").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--detections", "boxes.txt"], "--detections goes with --video"),
        (["--video", "game.mp4", "--seed", "3"], "--seed is for the rendered game"),
        (["--budget", "soon"], "'soon' is no time"),
        (["--budget", "0s"], "'0s' is no time"),
        (["--budget", "999h"], "'999h' is no time"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_film_that_is_not_there_is_an_error_of_one_line(demo: Demo) -> None:
    code, _, errors = demo("--video", "none.mp4")

    assert code == 2
    assert errors.endswith("none.mp4: is no file \N{EN DASH} check the path\n") and errors.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "number", "code"),
    [
        ("=== 1 of 7", signal.SIGTERM, 143),
        ("=== 4 of 7", signal.SIGINT, 130),
        ("until Ctrl-C", signal.SIGINT, 130),
    ],
    ids=["rendering", "following a job", "showing the page"],
)
def test_a_signal_leaves_nothing_running(tmp_path: Path, line: str, number: signal.Signals, code: int) -> None:
    pipes = {name: Pipe(tmp_path / name) for name in ("worker", "api", "sample")}
    parts = {
        "worker": waiting_part(tmp_path, pipes["worker"]),
        "api": api_part(tmp_path, hangs="track_video" if "4 of 7" in line else "", pipe=str(pipes["api"].path)),
    }
    waiting = ["worker"]
    if "1 of 7" in line:
        (tmp_path / "slow").mkdir()
        parts["sample"] = waiting_part(tmp_path / "slow", pipes["sample"])
        waiting.append("sample")
    process = start("local_stack.demo", where=tmp_path, **demo_settings(tmp_path, **parts))
    _read_to(process, line)
    for name in waiting:
        pipes[name].wait_for(b"up")

    process.send_signal(number)
    _, errors = process.communicate()

    assert process.returncode == code
    assert errors.splitlines()[-1] == "stopped; nothing of it is running any more"
    for name in (*waiting, "api"):
        pipes[name].wait_for_end()


def test_two_demos_do_not_share_a_folder_and_the_page_is_at_the_printed_address(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path)
    first = start("local_stack.demo", where=tmp_path, **settings)
    address = _read_to(first, "  the page ").split()[-1]
    second = start("local_stack.demo", where=tmp_path, **settings)
    _, errors = second.communicate()
    first.send_signal(signal.SIGINT)
    first.communicate()

    assert address.endswith(f"/#/game/video_0123456789ab?run={SECOND_RUN}")
    assert second.returncode == 2
    assert errors == (
        "error: laxai-demo: another demo is running there \N{EN DASH} stop that one, or choose another --out\n"
    )


def test_where_the_user_stands_counts_and_not_the_runfiles(tmp_path: Path) -> None:
    for name in ("user", "runfiles"):
        (tmp_path / name).mkdir()
    # Under Bazel, commands are relative to the runfiles.
    settings = demo_settings(tmp_path) | {"BUILD_WORKING_DIRECTORY": str(tmp_path / "user")}

    process = start("local_stack.demo", "--no-serve", where=tmp_path / "runfiles", **settings)
    _, errors = process.communicate()

    assert process.returncode == 0, errors
    assert (tmp_path / "user" / "laxai-demo" / "report.html").is_file()
    assert not list((tmp_path / "runfiles").iterdir())


def _read_to(process: subprocess.Popen[str], words: str) -> str:
    """The line of its output in which `words` stand."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())
