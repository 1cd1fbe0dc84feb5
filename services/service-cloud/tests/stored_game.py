"""A storage with one video and all that can be made of it, for the tests of the recipes. The files are not real ones:
recipes read no film and no model."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from shared_libs.common.clips import Clips, Reel, Scene, write_clips
from shared_libs.common.model_card import (
    MeasuredFile,
    ModelCard,
    ModelEmbedding,
    ModelInput,
    ModelKind,
    ModelPart,
    write_model_card,
)
from shared_libs.common.model_store import ModelStore
from shared_libs.common.players import Player, Players, Segment, write_players
from shared_libs.common.run import InputFile, Run, write_run
from shared_libs.common.stored_files import LocalFiles
from shared_libs.common.tracks import Tracks, write_tracks_json

TENANT = "reds"
VIDEO, RUN, DATASET = "video_3f9a0c51d2e7", "run_0123456789ab", "dataset_00aa11bb22cc"
OTHER_VIDEO, OTHER_RUN = "video_aaaaaaaaaaaa", "run_bbbbbbbbbbbb"
REID, OTHER_REID, DETECTOR = "model_111111111111", "model_222222222222", "model_dddddddddddd"
MADE = "abcdef012345"

INPUT = ModelInput(height=128, width=64, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), colour="rgb")


_FRAME = np.repeat(np.arange(10), 2)
_LEFT = np.tile([10.0, 110.0], 10) + _FRAME
TRACKS = Tracks.from_arrays(
    frame=_FRAME,
    track_id=np.tile([3, 7], 10),
    xyxy=np.column_stack([_LEFT, np.full(20, 10.0), _LEFT + 20, np.full(20, 60.0)]),
    score=np.ones(20),
    class_id=np.zeros(20),
    frame_count=10,
)
"""Two people, for ten frames."""

PLAYERS = Players((Player(3, segments=(Segment(3, 0, 9),)), Player(7, segments=(Segment(7, 0, 9),))))


class StoredGame:
    """`storage` is its folder; `inputs` and `out` are those of a job."""

    def __init__(self, folder: Path) -> None:
        self.storage, self.inputs, self.out = folder / "storage", folder / "job" / "inputs", folder / "job" / "out"
        for each in (self.storage, self.inputs, self.out):
            each.mkdir(parents=True)
        self.files = LocalFiles(self.storage)
        self.models = ModelStore(self.storage, TENANT)
        self.put("source.mp4", "a film")

    def put(self, name: str, content: str, video_id: str = VIDEO) -> None:
        """A file of a video."""
        self.files.write(f"{TENANT}/videos/{video_id}/{name}", content.encode())

    def put_run(self, video_id: str = VIDEO, run_id: str = RUN) -> None:
        """A run of a video."""
        for name in ("run.json", "annotated.mp4"):
            self.put(f"runs/{run_id}/{name}", f"{name} of {run_id}", video_id)
        folder = self.storage / TENANT / "videos" / video_id / "runs" / run_id
        write_tracks_json(folder / "tracks.json", TRACKS)
        write_players(folder / "players.json", PLAYERS)

    def put_dataset(self) -> None:
        """A dataset."""
        for name in ("train/p1/1.jpg", "val/p2/2.jpg", "crops.parquet", "dataset.json"):
            self.files.write(f"{TENANT}/datasets/{DATASET}/{name}", name.encode())

    def put_model(self, folder: Path, model_id: str, *, has_checkpoint: bool = True) -> ModelCard:
        """A model, which `folder` holds as well."""
        made = model_files(folder / model_id, model_id, has_checkpoint=has_checkpoint)
        self.models.add({part: folder / model_id / part for part in made.files}, made)
        return made

    def stored(self, folder: str) -> dict[str, bytes]:
        """All that lies below a folder of storage of the tenant."""
        place = self.storage / TENANT / folder
        return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}

    def fetched(self) -> set[str]:
        """What lies in the job's inputs."""
        return {str(path.relative_to(self.inputs)) for path in self.inputs.rglob("*") if path.is_file()}


def model_files(folder: Path, model_id: str, *, has_checkpoint: bool = True) -> ModelCard:
    """A model with its card, as `export` leaves it."""
    folder.mkdir(parents=True)
    parts: list[ModelPart] = ["model.onnx", "checkpoint.ckpt"] if has_checkpoint else ["model.onnx"]
    for part in parts:
        (folder / part).write_text(f"{part} of {model_id}")
    kind: ModelKind = "detector" if model_id == DETECTOR else "reid"
    card = ModelCard(
        model_id=model_id,
        kind=kind,
        name="spring",
        created=datetime(2026, 5, 1, tzinfo=UTC),
        code_version="1",
        input=INPUT,
        embedding=ModelEmbedding(size=256) if kind == "reid" else None,
        network="small",
        opset=17,
        files={part: MeasuredFile.of(folder / part) for part in parts},
        metrics={"rank1": 0.75, "mAP": 0.5},
    )
    write_model_card(folder / "model.json", card)
    return card


def run_files(folder: Path) -> None:
    """The results of `track`, with what it would leave if it were cut short."""
    folder.mkdir(parents=True)
    for name in ("tracks.json", "players.json", "annotated.mp4"):
        (folder / name).write_text(name)
    (folder / ".tracking").mkdir()
    (folder / ".tracking" / "film-00000.saved").write_text("half a film")
    run = Run(
        service="service-tracking",
        created=datetime(2026, 5, 1, tzinfo=UTC),
        code_version="1",
        metrics={"frames": 500.0, "players": 25.0, "detections": 4480.0, "tracks": 31.0, "HOTA": 0.8},
        notes=("motion only",),
    )
    write_run(folder / "run.json", run)


def dataset_files(folder: Path) -> None:
    """The results of `build-dataset`, as far as they matter."""
    for name in ("train/p1/1.jpg", "val/p2/2.jpg"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(name)
    (folder / "crops.parquet").write_text("crops")
    counts = {"crops": {"train": 80, "val": 20}, "identities": {"train": 8, "val": 2}}
    document = {"schema": "laxai.dataset", "schema_version": 1, "games": [{}], "counts": counts, "notes": ["brief"]}
    (folder / "dataset.json").write_text(json.dumps(document))


def clips_files(folder: Path) -> None:
    """The results of `clips`."""
    folder.mkdir(parents=True)
    (folder / "player-7.mp4").write_text("a reel")
    reel = Reel(
        player_id=7,
        number="12",
        name=None,
        file=InputFile.of(folder / "player-7.mp4"),
        seconds=2.0,
        made_from="a" * 64,
        scenes=(Scene(start=3.0, end=5.0, reel_start=0.0, reel_end=2.0),),
    )
    write_clips(
        folder / "clips.json", Clips(code_version="1", video=InputFile.of(folder / "player-7.mp4"), reels=(reel,))
    )
