"""The command line: what it takes, what it says, exit codes, and one line for what is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

import training.fitting
import training.models_command
from shared_libs.common.model_card import read_model_card
from shared_libs.common.run import Run
from training import __version__
from training.checkpoints import BEST, About, DurableCheckpoints, mark
from training.cli import main
from training.fitting import Result
from training.keeping import Interrupted
from training.loading.augmenting import AugmentSettings
from training.loading.sampling import BatchShape
from training.networks.network import make_network
from training.request import Request

Start = Callable[..., "subprocess.Popen[str]"]
COMMANDS = ["build-dataset", "train", "evaluate", "export", "models", "models list", "models show", "models promote"]

# Runs a command, and says which of the libraries that take long to load it loaded.
LOADED = """
import sys
from training.cli import main
code = main(sys.argv[1:])
print(code, *sorted({"torch", "lightning", "onnxruntime", "cv2", "av"} & set(sys.modules)))
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """Runs the program in this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def run(*arguments: str | Path) -> Done:
        code = main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


Command = Callable[..., Done]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What `train` was asked for, in place of trainings."""
    requests: list[Request] = []
    monkeypatch.setattr(training.fitting, "fit", lambda request, say: requests.append(request))
    return requests


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint of random weights."""
    folder = tmp_path_factory.mktemp("runs") / "spring"
    torch.manual_seed(1)
    network = make_network("small", 20)
    network(torch.randn(8, 3, 64, 32))
    saved: dict[str, Any] = {"state_dict": network.state_dict(prefix="network.")}
    mark(saved, About(network="small", embedding_size=20, height=64, width=32, command={"loss": "triplet"}))
    folder.mkdir()
    DurableCheckpoints().save_checkpoint(saved, folder / BEST)
    return folder


def refused(done: Done) -> str:
    """What was said of a bad input: one line, and nothing else."""
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    return done.err.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_command_says_what_it_does(name: str, command: Command) -> None:
    done = command(*name.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert "Usage: " in done.out
    for part in COMMANDS:
        parent, _, last = part.rpartition(" ")
        assert parent != name or last in done.out


def test_help_version_and_lists_load_no_heavy_library(start_python: Start) -> None:
    for arguments in (["train", "--help"], ["--version"], ["models", "list"]):
        out, err = start_python("-c", LOADED, *arguments).communicate()
        assert (out.splitlines()[-1], err) == ("0", "")


def test_the_version_is_told(command: Command) -> None:
    assert command("--version") == (0, f"service-training {__version__}\n", "")


def test_the_program_ends_with_its_exit_code(start_python: Start) -> None:
    process = start_python("-m", "training", "models", "show", "spring")
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert err.startswith("error: model: ")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "Missing command – see `"),
        ("models", "models --help`"),
        ("tarin", "No such command 'tarin'"),
        ("train", "Missing argument 'DATASET' – see `"),
        ("train set", "Missing option '--out'"),
        ("train set --out run --epochs 0", "--epochs"),
        ("train set --out run --epochs many", "--epochs"),
        ("train set --out run --embedding 3", "--embedding"),
        ("train set --out run --seed -1", "--seed"),
        ("train set --out run --seed 4294967296", "--seed"),
        ("train set --out run --rate -1", "--rate"),
        ("train set --out run --rate nan", "--rate"),
        ("train set --out run --rate inf", "--rate: must be a finite number, not inf"),
        ("train set --out run --decay inf", "--decay: must be a finite number, not inf"),
        ("train set --out run --network osnet", "--network: there is no 'osnet' – choose from small, resnet50"),
        ("train set --out run --loss arcface", "choose from triplet, multi-similarity, contrastive"),
        ("train set --out run --accelerator tpu", "choose from auto, cpu, cuda"),
        ("train set --out run --precision 64", "choose from auto, 32, bf16"),
        ("train set --out run --compile maybe", "choose from auto, on, off"),
        ("train set --out run --batch 16", "--batch: is not two numbers: '16' – for example 16x4"),
        ("train set --out run --batch 16x4x2", "--batch: is not two numbers"),
        ("train set --out run --batch -2x4", "--batch"),
        ("train set --out run --batch 1x4", "--batch: must be from 2x2 to 2048x2048, not 1x4 – for example 16x4"),
        ("train set --out run --batch 16x1", "--batch: must be from 2x2"),
        ("train set --out run --size 128×64", "--size: is not two numbers: '128×64' – for example 128x64"),
        ("train set --out run --size 32x32", "--size: must be from 64x16 to 2048x2048, not 32x32 – for example 128x64"),
        ("train set --out run --size 4096x64", "--size: must be from 64x16"),
        ("train set --out run --budget 0s", "--budget: is no time: '0s' – for example 90s, 5m or 2h"),
        ("train set --out run --budget 5d", "--budget: is no time"),
        ("train set --out run --budget -5", "--budget"),
        ("train set --out run --augmentation none.json", "none.json: no such file"),
        ("train none --out run", "none: no such folder"),
        ("build-dataset --out set", "Missing argument"),
        ("build-dataset film.mp4 --out set", "GAMES: films and tracks come in pairs, and the last one is alone"),
        ("build-dataset a.mp4 a.txt b.mp4 --out set", "GAMES: films and tracks come in pairs"),
        ("build-dataset film.mp4 tracks.txt", "Missing option '--out'"),
        ("build-dataset film.mp4 tracks.txt --out set --by team", "--by: there is no 'team' – choose from auto"),
        ("build-dataset film.mp4 tracks.txt --out set --identities all", "choose from auto, track, person"),
        ("build-dataset film.mp4 tracks.txt --out set --per-identity 1", "--per-identity: must be at least 2"),
        ("build-dataset film.mp4 tracks.txt --out set --validation-share 1", "--validation-share: must lie between"),
        ("build-dataset film.mp4 tracks.txt --out set --gap-seconds nan", "--gap-seconds: must not be"),
        ("build-dataset film.mp4 tracks.txt --out set --seed -1", "--seed"),
        ("build-dataset film.mp4 tracks.txt --out set", "no such file"),
        ("evaluate set", "Missing option '--model'"),
        ("evaluate set --model none --part test", "--part: there is no 'test' – choose from val, train, all"),
        ("evaluate set --model none", "none: no such file"),
        ("export none --out model", "none: no such file"),
        ("models show model_000000000000", "there is no model model_000000000000"),
        ("models promote spring", "an id looks like"),
        ("models list --tenant ../other", "tenant"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    line: str, words: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refused(command(*line.split()))
    assert os.listdir(tmp_path) == []


def test_what_is_asked_for_reaches_the_training(asked: list[Request], command: Command, tmp_path: Path) -> None:
    (tmp_path / "varied.json").write_text('{"flip": 0, "erase": 0.9}')
    line = "--network resnet50 --loss triplet --epochs 7 --batch 8x3 --size 256x128 --embedding 512 --rate 1e-3"
    line += " --decay 0 --patience 3 --seed 5 --resume --accelerator cpu --devices 2 --nodes 3 --precision bf16"
    line += " --compile off --wandb games --quiet"
    paths = ["--augmentation", tmp_path / "varied.json", "--base", tmp_path / "base.ckpt"]
    assert command("train", tmp_path / "set", "--out", tmp_path / "run", *paths, *line.split()) == (0, "", "")
    assert asked == [
        Request(
            dataset=tmp_path / "set",
            out=tmp_path / "run",
            network="resnet50",
            embedding_size=512,
            height=256,
            width=128,
            loss="triplet",
            shape=BatchShape(8, 3),
            augment=AugmentSettings(flip=0, erase=0.9),
            rate=1e-3,
            decay=0,
            epochs=7,
            patience=3,
            seed=5,
            base=tmp_path / "base.ckpt",
            resume=True,
            accelerator="cpu",
            devices=2,
            nodes=3,
            precision="bf16",
            compile="off",
            wandb="games",
            quiet=True,
        )
    ]


def test_what_is_not_said_is_as_the_request_has_it(asked: list[Request], command: Command) -> None:
    command("train", "/set", "--out", "/run")
    assert asked == [Request(dataset=Path("/set"), out=Path("/run"))]


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("0.5s", 0.5)])
def test_a_budget_is_a_time(text: str, seconds: float, asked: list[Request], command: Command) -> None:
    command("train", "/set", "--out", "/run", "--budget", text)
    assert asked[0].budget == seconds


def test_relative_paths_begin_where_the_user_stands(
    asked: list[Request], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", "/home/user")
    command("train", "set", "--out", "runs/a")
    assert (asked[0].dataset, asked[0].out) == (Path("/home/user/set"), Path("/home/user/runs/a"))


def test_settings_of_variations_that_make_no_sense_are_one_line(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "varied.json"
    for text, words in (
        ('{"flipp": 1}', "flipp: extra inputs are not permitted – there are: flip, shift, zoom, blur, light, hue,"),
        ('{"flip": 2}', "flip: input should be less than or equal to 1"),
        ("[]", "varied.json: "),
        ("{", "varied.json:1: "),
    ):
        path.write_text(text)
        assert words in refused(command("train", tmp_path, "--out", tmp_path / "run", "--augmentation", path))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_training_that_a_signal_ended_says_what_was_saved(
    number: signal.Signals, code: int, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(request: Request, say: Callable[[str], None]) -> None:
        raise Interrupted(number, "after 12 steps, which are saved; --resume goes on from there")

    monkeypatch.setattr(training.fitting, "fit", fit)
    said = "interrupted after 12 steps, which are saved; --resume goes on from there\n"
    assert command("train", "/set", "--out", "/run") == (code, "", said)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_elsewhere_ends_the_command(
    number: signal.Signals, code: int, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.models_command, "list_models", lambda *_: signal.raise_signal(number))
    assert command("models", "list") == (code, "", "interrupted; nothing was written\n")


def test_a_reader_who_has_gone_is_nobodys_failure(start_python: Start) -> None:
    process = start_python("-m", "training", "models", "list")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


def test_what_a_training_came_to_is_told(
    people: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.json").touch()
    (tmp_path / BEST).touch()
    metrics = {"epochs": 12.0, "images": 7680.0, "best_epoch": 9.0, "val/rank1": 0.987, "val/mAP": 0.8}
    run = Run(
        service="service-training",
        created=datetime.now(UTC),
        code_version="0.1",
        metrics=metrics,
        timings={"training": 61.0, "images_per_second": 125.9},
        notes=("trained on one game alone",),
    )
    monkeypatch.setattr(training.fitting, "fit", lambda request, say: Result(run, request.out))
    assert command("train", people, "--out", tmp_path).out.splitlines() == [
        "12 epochs, 7,680 images in 61 s (126 images/s); best after epoch 9",
        "validation: rank-1 98.7 %, mAP 80.0 %",
        "note: trained on one game alone",
        f"results in {tmp_path}: best.ckpt, run.json",
        f"next: training export {tmp_path}",
    ]


def test_a_model_is_trained_exported_and_measured(people: Path, command: Command, tmp_path: Path) -> None:
    line = "--epochs 2 --batch 4x3 --size 64x32 --embedding 20 --accelerator cpu --quiet"
    done = command("train", people, "--out", tmp_path / "run", *line.split())
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("2 epochs, 96 images in ")
    assert command("export", tmp_path / "run", "--out", tmp_path / "model").code == 0
    card = read_model_card(tmp_path / "model" / "model.json")
    done = command("evaluate", people, "--model", tmp_path / "model" / "model.onnx", "--json", "--quiet")
    assert json.loads(done.out)["model"]["rank1"] == pytest.approx(card.metrics["rank1"], abs=0.05)


def test_scores_are_a_table_with_the_baselines_below(people: Path, trained: Path, command: Command) -> None:
    for model in (trained, trained / BEST):
        done = command("evaluate", people, "--model", model, "--quiet")
        head, *rows, last = done.out.splitlines()
        assert head.split() == ["rank-1", "rank-5", "rank-10", "mAP", "mINP", "AUC", "EER"]
        assert [row.split("  ")[0] for row in rows] == [
            model.name,
            "colour histogram",
            "the same network, random weights",
        ]
        assert all(len(row) == len(head) for row in rows)
        assert last == "30 queries, 6 people; in percent"


def test_scores_are_told_to_programs_and_written_where_wanted(
    people: Path, trained: Path, command: Command, tmp_path: Path
) -> None:
    line = ["--model", trained, "--part", "all", "--quiet", "--out", tmp_path / "report"]
    told = json.loads(command("evaluate", people, *line, "--json").out)
    assert set(told) == {"model", "baselines"}
    assert 0 <= told["model"]["rank1"] <= 1
    scores = json.loads((tmp_path / "report" / "scores.json").read_text())
    assert (scores["scores"], scores["part"]) == (told["model"], "all")
    done = command("evaluate", people, *line)
    assert done.out.splitlines()[-1] == f"report in {tmp_path}/report: report.html, scores.json"


def test_pictures_that_were_left_out_are_told(trained: Path, people: Path, command: Command, tmp_path: Path) -> None:
    for person in ("val00", "val01"):
        (tmp_path / "val" / person).mkdir(parents=True)
        for number in range(3):
            content = (people / "val" / person / f"{number}.png").read_bytes()
            (tmp_path / "val" / person / f"{number}.png").write_bytes(content if number else content[:40])
    done = command("evaluate", tmp_path, "--model", trained, "--quiet")
    assert [line.split(": ")[:2] for line in done.out.splitlines()[-2:]] == [
        ["left out", "val/val00/0.png"],
        ["left out", "val/val01/0.png"],
    ]


def test_a_model_goes_into_storage_and_into_use(
    trained: Path, people: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAXAI_STORAGE", str(tmp_path / "storage"))
    assert command("models", "list").out == f"no models in {tmp_path}/storage\n"
    done = command("export", trained, "--name", "Games of spring")
    assert (done.code, done.err) == (0, "")
    [model] = json.loads(command("models", "list", "--json").out)["models"]
    said = f"{model['model_id']} is in {tmp_path}/storage; `training models promote {model['model_id']}` puts it in use"
    assert done.out.splitlines()[-1] == said
    assert model["name"] == "Games of spring"
    assert json.loads(command("models", "show", model["model_id"], "--json").out) == model
    assert "Games of spring" in command("models", "show", model["model_id"]).out
    said = f"{model['model_id']} is in use now (re-identification)\n"
    assert command("models", "promote", model["model_id"]) == (0, said, "")
    assert json.loads(command("models", "promote", model["model_id"], "--json").out)["reid"] == model["model_id"]
    assert command("models", "list").out.rstrip().endswith("yes")
    assert command("evaluate", people, "--model", model["model_id"], "--quiet").code == 0
    assert command("models", "list", "--tenant", "others").out == f"no models in {tmp_path}/storage\n"


def test_an_export_to_a_folder_says_where_it_is(trained: Path, command: Command, tmp_path: Path) -> None:
    done = command("export", trained, "--out", tmp_path / "a" / "model")
    card = read_model_card(tmp_path / "a" / "model" / "model.json")
    lines = done.out.splitlines()
    assert lines[0].startswith("differs from torch by ")
    assert lines[1] == f"{card.model_id} in {tmp_path}/a/model: model.onnx, model.json, checkpoint.ckpt"
    (tmp_path / "taken").touch()
    assert "taken: is a file, not a folder" in refused(command("export", trained, "--out", tmp_path / "taken"))
