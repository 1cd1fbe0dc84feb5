"""Whole trainings: what they leave behind, and what becomes of one that is cut short."""

from __future__ import annotations

import csv
import math
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

import training.module
from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.run import read_run
from training.checkpoints import BEST, LAST, network_of, read_checkpoint
from training.cli import main
from training.dataset.reading import read_crops
from training.evaluation.embedding import embed
from training.evaluation.measuring import measure
from training.fitting import fit
from training.keeping import HISTORY, Interrupted
from training.loading.augmenting import augment
from training.loading.sampling import BatchShape
from training.request import Request
from training.results_folder import RUN, TENSORBOARD

Start = Callable[..., "subprocess.Popen[str]"]

EPOCHS, STEPS = 3, 4
"""Steps of an epoch: 48 crops, 12 a batch."""


def request(people: Path, out: Path, **changes: Any) -> Request:
    small = Request(
        dataset=people,
        out=out,
        embedding_size=20,
        height=64,
        width=32,
        shape=BatchShape(identities=4, crops=3, groups=2),
        epochs=EPOCHS,
        accelerator="cpu",
        quiet=True,
    )
    return replace(small, **changes)


def silent(words: str) -> None:
    pass


@pytest.fixture(scope="module")
def undisturbed(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a training that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    fit(request(people, folder), silent)
    return folder


def equal(one: Any, other: Any) -> bool:
    """Whether two parts of checkpoints hold the same to the last bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def assert_same_training(folder: Path, undisturbed: Path) -> None:
    for name in (LAST, BEST):
        here, there = read_checkpoint(folder / name), read_checkpoint(undisturbed / name)
        assert equal(here["state_dict"], there["state_dict"]), name
        assert equal(here["optimizer_states"], there["optimizer_states"]), name
        assert (here["epoch"], here["global_step"]) == (there["epoch"], there["global_step"]), name
    assert (folder / HISTORY).read_bytes() == (undisturbed / HISTORY).read_bytes()
    assert read_run(folder / RUN).metrics == read_run(undisturbed / RUN).metrics


def test_a_training_leaves_checkpoints_history_curves_and_what_it_was(people: Path, undisturbed: Path) -> None:
    names = {path.name for path in undisturbed.iterdir()}
    assert names == {LAST, BEST, HISTORY, RUN, TENSORBOARD}
    assert any((undisturbed / TENSORBOARD).iterdir())
    rows = list(csv.DictReader((undisturbed / HISTORY).open()))
    assert [(row["epoch"], row["step"]) for row in rows] == [("1", "4"), ("2", "8"), ("3", "12")]
    run = read_run(undisturbed / RUN)
    assert run.service == "service-training"
    assert run.metrics["images"] == EPOCHS * STEPS * 12
    assert run.metrics["epochs"] == EPOCHS
    assert run.settings["network"] == "small"
    assert max(float(row["val/mAP"]) for row in rows) == pytest.approx(run.metrics["val/mAP"], abs=1e-6)


def test_the_best_checkpoint_is_the_network_that_scored_so(people: Path, undisturbed: Path) -> None:
    network, about = network_of(undisturbed / BEST)
    crops, _ = read_crops(people, "val", height=about.height, width=about.width, quiet=True)
    scores = measure(embed(network, crops, device=torch.device("cpu")), crops, quiet=True)
    best = max(csv.DictReader((undisturbed / HISTORY).open()), key=lambda row: float(row["val/mAP"]))
    assert scores.to_metrics()["mAP"] == pytest.approx(float(best["val/mAP"]), abs=1e-6)


def test_every_parameter_is_learned(people: Path, undisturbed: Path) -> None:
    [optimizer] = read_checkpoint(undisturbed / LAST)["optimizer_states"]
    network, _ = network_of(undisturbed / LAST)
    learned = [name for name, _ in network.named_parameters() if not name.endswith("neck.bias")]
    assert len(optimizer["state"]) == len(learned) + 1  # and the identities' vectors, which are left behind
    assert all(state["exp_avg"].abs().sum() > 0 for state in optimizer["state"].values())


def test_the_same_seed_gives_the_same_and_another_seed_something_else(
    people: Path, undisturbed: Path, tmp_path: Path
) -> None:
    fit(request(people, tmp_path / "same"), silent)
    assert_same_training(tmp_path / "same", undisturbed)
    fit(request(people, tmp_path / "other", seed=1, epochs=1), silent)
    assert not equal(
        read_checkpoint(tmp_path / "other" / LAST)["state_dict"], read_checkpoint(undisturbed / LAST)["state_dict"]
    )


@pytest.mark.parametrize("step", [1, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS, EPOCHS * STEPS])
def test_a_training_that_a_signal_ends_goes_on_to_the_same_bits(
    people: Path, undisturbed: Path, tmp_path: Path, step: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted) as interrupted:
        patch.setattr(training.module, "augment", augment)
        signal_at(step, signal.SIGTERM)()
        fit(request(people, tmp_path), silent)
    assert interrupted.value.number == signal.SIGTERM
    assert read_checkpoint(tmp_path / LAST)["global_step"] == step
    assert not (tmp_path / RUN).exists()
    fit(request(people, tmp_path, resume=True), silent)
    assert_same_training(tmp_path, undisturbed)


def test_a_training_can_be_ended_again_and_again(people: Path, undisturbed: Path, tmp_path: Path) -> None:
    steps = 0
    while not (tmp_path / RUN).exists():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training.module, "augment", augment)
            signal_at(5, signal.SIGTERM)()
            try:
                fit(request(people, tmp_path, resume=True), silent)
            except Interrupted:
                steps += 5
                assert read_checkpoint(tmp_path / LAST)["global_step"] == steps
    assert steps == 10
    assert_same_training(tmp_path, undisturbed)


WORDS = ["--size", "64x32", "--embedding", "20", "--batch", "4x3", "--accelerator", "cpu", "--quiet"]


class Ended(NamedTuple):
    """How a program ended: its exit code (negative: by that signal), what it said."""

    code: int
    out: str
    err: str


def run_in_child(tmp_path: Path, words: Sequence[str | Path], disturb: Callable[[], None]) -> Ended:
    """The program in a process of its own, which has been loaded already, with `disturb` called first."""
    child = os.fork()
    if child == 0:
        try:
            os.chdir(tmp_path)
            for number, name in ((1, "out.txt"), (2, "err.txt")):
                os.dup2(os.open(tmp_path / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            disturb()
            code = main([str(word) for word in words])
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            code = 99
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Ended(code, (tmp_path / "out.txt").read_text(), (tmp_path / "err.txt").read_text())


def signal_at(step: int, number: int) -> Callable[[], None]:
    """Sends the process a signal while it does that step, counted from 1."""
    done = 0

    def disturbed(*arguments: Any) -> torch.Tensor:
        nonlocal done
        done += 1
        if done == step:
            os.kill(os.getpid(), number)
        return augment(*arguments)

    return lambda: setattr(training.module, "augment", disturbed)


def small_disk() -> None:
    """No file can have more than a megabyte from now on: a write fails half-way, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))


def test_a_killed_training_goes_on_from_its_last_epoch_to_the_same_bits(
    people: Path, undisturbed: Path, tmp_path: Path
) -> None:
    words: list[str | Path] = ["train", people, *WORDS, "--epochs", "3", "--out", "run"]
    killed = run_in_child(tmp_path, words, signal_at(STEPS + 3, signal.SIGKILL))
    assert killed.code == -signal.SIGKILL
    assert read_checkpoint(tmp_path / "run" / LAST)["global_step"] == STEPS
    again = run_in_child(tmp_path, [*words, "--resume"], lambda: None)
    assert (again.code, again.err) == (0, "")
    assert "3 epochs, 144 images" in again.out
    assert_same_training(tmp_path / "run", undisturbed)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_the_program_says_where_it_goes_on(people: Path, tmp_path: Path, number: int, code: int) -> None:
    words: list[str | Path] = ["train", people, *WORDS, "--epochs", "3", "--out", "run"]
    ended = run_in_child(tmp_path, words, signal_at(2, number))
    assert ended == (code, "", "interrupted after 2 steps, which are saved; --resume goes on from there\n")


def test_a_finished_training_stays_what_it_is(people: Path, tmp_path: Path) -> None:
    fit(request(people, tmp_path, epochs=1), silent)
    before = {path.name: path.read_bytes() for path in (tmp_path / LAST, tmp_path / BEST, tmp_path / HISTORY)}
    fit(request(people, tmp_path, epochs=1, resume=True), silent)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_a_folder_with_a_training_is_not_overwritten_unasked(people: Path, undisturbed: Path) -> None:
    with pytest.raises(InputError, match="holds a training already – --resume goes on with it, --fresh begins anew"):
        fit(request(people, undisturbed), silent)


def test_fresh_begins_anew(people: Path, tmp_path: Path) -> None:
    fit(request(people, tmp_path, epochs=1), silent)
    fit(request(people, tmp_path, epochs=2, fresh=True), silent)
    assert read_run(tmp_path / RUN).metrics["epochs"] == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rate": 1e-2}, r"another rate \(0\.003, not 0\.01\)"),
        ({"embedding_size": 10}, r"another embedding_size \(20, not 10\)"),
        ({"network": "resnet50"}, r"another network \(small, not resnet50\)"),
        ({"seed": 3, "loss": "triplet"}, r"another loss \(contrastive, not triplet\), seed \(0, not 3\)"),
    ],
)
def test_a_training_does_not_go_on_as_another_one(
    people: Path, undisturbed: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        fit(request(people, undisturbed, resume=True, **changes), silent)


def test_a_checkpoint_of_something_else_is_refused(people: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "epoch": 3}, tmp_path / LAST)
    with pytest.raises(InputError, match=r"last\.ckpt: is a checkpoint of another program"):
        fit(request(people, tmp_path, resume=True), silent)


def test_a_full_disk_ends_in_one_error_and_leaves_earlier_checkpoints(people: Path, tmp_path: Path) -> None:
    fit(request(people, tmp_path / "run", epochs=1), silent)
    before = {name: (tmp_path / "run" / name).read_bytes() for name in (LAST, BEST)}
    words: list[str | Path] = ["train", people, *WORDS, "--epochs", "2", "--out", "run", "--base", "run/best.ckpt"]
    refused = run_in_child(tmp_path, words, small_disk)
    assert refused.code == 2
    full = run_in_child(tmp_path, ["train", people, *WORDS, "--epochs", "1", "--out", "new"], small_disk)
    assert full.code == 2
    assert full.err.startswith("error: new/best.ckpt: cannot be written: ") and full.err.count("\n") == 1
    assert not (tmp_path / "new" / BEST).exists()
    assert {name: (tmp_path / "run" / name).read_bytes() for name in (LAST, BEST)} == before


def test_a_budget_ends_the_training_and_the_schedule_with_it(people: Path, tmp_path: Path) -> None:
    result = fit(request(people, tmp_path, budget=3.0), silent)
    assert result is not None
    assert result.run.metrics["images"] > 0
    rate = read_checkpoint(tmp_path / LAST)["optimizer_states"][0]["param_groups"][0]["lr"]
    assert rate < 0.2 * 3e-3


def test_it_ends_early_where_nothing_gets_better(people: Path, tmp_path: Path) -> None:
    result = fit(request(people, tmp_path, epochs=30, patience=1, rate=1e-12), silent)
    assert result is not None
    assert result.run.metrics["epochs"] < 30


def test_it_begins_with_the_weights_of_another(people: Path, undisturbed: Path, tmp_path: Path) -> None:
    fit(request(people, tmp_path, base=undisturbed / BEST, epochs=1, rate=1e-12), silent)
    ours, theirs = (network_of(folder / LAST)[0] for folder in (tmp_path, undisturbed))
    begun, _ = network_of(undisturbed / BEST)
    for name, parameter in begun.named_parameters():
        assert torch.allclose(dict(ours.named_parameters())[name], parameter, atol=1e-6), name
    assert theirs is not ours


def test_weights_of_another_network_are_no_base(people: Path, undisturbed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds small with 20 values – pass --network small --embedding 20"):
        fit(request(people, tmp_path, base=undisturbed / BEST, embedding_size=10), silent)


def test_a_training_that_diverges_says_so(people: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--rate: the network gives no numbers any more"):
        fit(request(people, tmp_path, rate=1e30), silent)


def test_people_who_may_all_be_one_cannot_be_learned_from(tmp_path: Path, people: Path) -> None:
    lonely = tmp_path / "lonely"
    for part in ("train", "val"):
        (lonely / part).mkdir(parents=True)
        os.symlink(people / "train" / "train00", lonely / part / "one")
    with pytest.raises(InputError, match="lonely"):
        fit(request(lonely, tmp_path / "out"), silent)


def test_what_is_held_back_has_to_show_people_again(tmp_path: Path, people: Path) -> None:
    brief = tmp_path / "brief"
    brief.mkdir()
    os.symlink(people / "train", brief / "train")
    for person in ("val00", "val01"):
        (brief / "val" / person).mkdir(parents=True)
        os.symlink(people / "val" / person / "0.png", brief / "val" / person / "0.png")
    with pytest.raises(InputError, match="brief: what is held back cannot be measured on"):
        fit(request(brief, tmp_path / "out"), silent)
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_results_is_refused(people: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        fit(request(people, tmp_path / "out"), silent)
    assert (tmp_path / "out").read_text() == "mine"


def test_two_processes_learn_as_one(people: Path, start_python: Start, tmp_path: Path) -> None:
    words = [
        "--size",
        "64x32",
        "--embedding",
        "20",
        "--batch",
        "4x3",
        "--epochs",
        "2",
        "--accelerator",
        "cpu",
        "--devices",
        "2",
        "--quiet",
        "--out",
        "run",
    ]
    both = start_python("-m", "training", "train", str(people), *words)
    out, err = both.communicate()
    assert (both.returncode, err) == (0, "")
    assert out.count("2 epochs, 96 images") == 1
    rows = list(csv.DictReader((tmp_path / "run" / HISTORY).open()))
    assert [row["step"] for row in rows] == ["2", "4"]
    network, about = network_of(tmp_path / "run" / LAST)
    crops, _ = read_crops(people, "val", height=about.height, width=about.width, quiet=True)
    scores = measure(embed(network, crops, device=torch.device("cpu")), crops, quiet=True).to_metrics()
    assert float(rows[-1]["val/mAP"]) == pytest.approx(scores["mAP"], abs=1e-6)
    assert not math.isnan(float(rows[-1]["train/loss"]))
