"""The command lines, word for word: services/service-tracking and service-training have to take them.

Each was run by hand with the real services when it last changed; `deploy/local`'s test runs them for good.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stored_game import DATASET, DETECTOR, REID, RUN, TENANT, VIDEO, StoredGame

from cloud.recipes.choosing import recipe_for
from shared_libs.common.jobs import BuildDataset, LinkPlayers, MakeClips, Payload, RunReference, TrackVideo, TrainReid

RUNS = (RunReference(video_id=VIDEO, run_id=RUN),)
GAME = f"INPUTS/{VIDEO}/source.mp4 INPUTS/{VIDEO}/{RUN}"
SAID = "--roster INPUTS/roster.csv --edits INPUTS/edits.jsonl"
WITH_BASE = "--network small --embedding 256 --size 128x64 --base INPUTS/base/checkpoint.ckpt"
EXPORT = "training export OUT/training --out OUT/model --name"

LINES: list[tuple[Payload, bool, list[str]]] = [
    (
        TrackVideo(video_id=VIDEO),
        False,
        ["tracking track INPUTS/source.mp4 --out OUT/run --reid none"],
    ),
    (
        TrackVideo(video_id=VIDEO, detections_file="det.txt"),
        True,
        [
            "tracking track INPUTS/source.mp4 --out OUT/run --detections INPUTS/detections/det.txt "
            f"--reid INPUTS/reid/model.onnx {SAID}"
        ],
    ),
    (
        TrackVideo(video_id=VIDEO, detector_model_id=DETECTOR, online=True),
        True,
        [f"tracking track INPUTS/source.mp4 --out OUT/run --detector onnx:INPUTS/detector/model.onnx --online {SAID}"],
    ),
    (
        LinkPlayers(video_id=VIDEO, run_id=RUN),
        False,
        ["tracking link INPUTS/tracks.json INPUTS/source.mp4 --out OUT/run --reid none"],
    ),
    (
        LinkPlayers(video_id=VIDEO, run_id=RUN),
        True,
        ["tracking link INPUTS/tracks.json INPUTS/source.mp4 --out OUT/run --reid INPUTS/reid/model.onnx " + SAID],
    ),
    (
        BuildDataset(runs=RUNS, validation_share=0.25, seed=3),
        False,
        [f"training build-dataset {GAME} --out OUT/dataset --validation-share 0.25 --seed 3"],
    ),
    (
        TrainReid(dataset_id=DATASET),
        False,
        [
            "training train INPUTS/dataset --out OUT/training --epochs 60 --seed 0 --resume",
            f"{EXPORT} {DATASET}, 60 epochs",
        ],
    ),
    (
        TrainReid(dataset_id=DATASET, base_model_id=REID, epochs=1, seed=5),
        True,
        [
            f"training train INPUTS/dataset --out OUT/training --epochs 1 --seed 5 --resume {WITH_BASE}",
            f"{EXPORT} {DATASET}, 1 epoch",
        ],
    ),
    (
        TrainReid(dataset_id=DATASET, budget_seconds=90),
        False,
        [
            "training train INPUTS/dataset --out OUT/training --budget 90s --seed 0 --resume",
            f"{EXPORT} {DATASET}, 90 s",
        ],
    ),
    (
        MakeClips(video_id=VIDEO, run_id=RUN),
        False,
        [
            "tracking clips INPUTS/source.mp4 --players INPUTS/players_now.json --tracks INPUTS/tracks.json "
            "--out OUT/clips --padding 1.0"
        ],
    ),
    (
        MakeClips(video_id=VIDEO, run_id=RUN, player_ids=(7, 3, 7), padding_seconds=2.5),
        False,
        [
            "tracking clips INPUTS/source.mp4 --players INPUTS/players_now.json --tracks INPUTS/tracks.json "
            "--out OUT/clips --player 7 --player 3 --padding 2.5"
        ],
    ),
]


@pytest.mark.parametrize(("payload", "has_all", "lines"), LINES)
def test_the_commands_of_a_job(tmp_path: Path, payload: Payload, has_all: bool, lines: list[str]) -> None:
    game = StoredGame(tmp_path)
    game.put_run()
    game.put_dataset()
    game.put("det.txt", "boxes")
    game.put_model(tmp_path, REID)
    game.put_model(tmp_path, DETECTOR, has_checkpoint=False)
    if has_all:
        game.put("roster.csv", "number,name,team")
        game.put("edits.jsonl", "")
        game.models.promote(REID)
    recipe = recipe_for(payload)
    recipe.fetch(TENANT, game.files, game.models, game.inputs, lambda done, of: None)
    commands = recipe.commands(game.inputs, game.out)
    assert all(command.stage for command in commands)
    shown = [" ".join((command.service, *command.arguments)) for command in commands]
    assert [line.replace(str(game.inputs), "INPUTS").replace(str(game.out), "OUT") for line in shown] == lines
