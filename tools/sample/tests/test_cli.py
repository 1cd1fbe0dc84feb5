from pathlib import Path

import pytest

from sample.cli import main

QUICK = ["--seconds", "0.6", "--fps", "10", "--width", "320", "--height", "180", "--players", "3", "--no-video"]


def test_a_clip_is_made_and_summed_up_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--out", str(tmp_path / "clip")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1 and "6 frames of 320x180" in said[0]
    assert (tmp_path / "clip/gt/gt.txt").is_file()


def test_a_relative_path_starts_where_the_user_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    assert main([*QUICK, "--quiet", "--out", "here/clip"]) == 0
    assert (tmp_path / "here/clip/truth.json").is_file()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--seconds", "0"], "--seconds"),
        (["--seconds", "nan"], "--seconds"),
        (["--width", "321"], "--width"),
        (["--width", "2"], "--width"),
        (["--height", "99999"], "--height"),
        (["--fps", "0"], "--fps"),
        (["--players", "0"], "--players"),
        (["--seed", "-5"], "--seed"),
    ],
)
def test_a_silly_setting_is_one_line_and_exit_2(
    options: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, *options, "--out", str(tmp_path / "clip")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(f"error: {named}: ") and said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [["--seconds", "long"], ["--speed", "3"], []])
def test_what_the_command_line_does_not_know_is_one_line_and_exit_2(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(options)
    said = capsys.readouterr()
    assert left.value.code == 2
    assert said.err.startswith("error: ") and said.err.count("\n") == 1


def test_a_place_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clip").write_text("mine")
    assert main([*QUICK, "--out", str(tmp_path / "clip")]) == 2
    assert "is a file, not a folder" in capsys.readouterr().err
    assert (tmp_path / "clip").read_text() == "mine"


def test_a_folder_under_a_file_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note").write_text("mine")
    assert main([*QUICK, "--out", str(tmp_path / "note/clip")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_somebody_elses_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letters").mkdir()
    assert main([*QUICK, "--out", str(tmp_path)]) == 2
    assert "letters" in capsys.readouterr().err


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for option in ("--seconds", "--width", "--height", "--fps", "--seed", "--players", "--out", "--no-video"):
        assert option in said
