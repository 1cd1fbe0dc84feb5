"""The way of a game through all services, told as it goes: the story of the demo."""

from __future__ import annotations

import json
import socket
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from local_stack.asking import Asking, JobFailed
from local_stack.attendance import Attendance
from local_stack.children import Children
from local_stack.commands import SAMPLE, TRACKING, command
from local_stack.demo_folder import DemoFolder
from local_stack.scores import Scores, gain, read_scores, table_of_counts, table_of_scores, verdict
from local_stack.stack import Part, Stack, api, settings_of_parts, worker
from local_stack.stage_bars import StageBars
from shared_libs.common.errors import InputError
from shared_libs.common.jobs import BuildDataset, Progress, RunReference, TrackVideo, TrainReid
from shared_libs.common.storage import run_path
from shared_libs.utils.progress import PROGRESS_FILE_VARIABLE, PROGRESS_JSON, PROGRESS_VARIABLE, duration_text

TENANT = "local"
HOST, USUAL_PORT = "127.0.0.1", 8080
STEPS = 7
BUDGET = 45
"""Seconds of training, where nobody says otherwise."""
MOST_FAILURES = 3
"""In a row, of a service: then the demo ends."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a demo is to show: `video` with the boxes in `detections`, or else a sample clip, made with
    `sample_options`. budget: seconds of training. serves: whether the page is to be seen at the end."""

    video: Path | None = None
    detections: Path | None = None
    sample_options: tuple[str, ...] = ()
    budget: int = BUDGET
    serves: bool = True


class Game(NamedTuple):
    """A film, the boxes on it and its truth, as far as there are any."""

    film: Path
    detections: Path | None
    truth: Path | None


class Run(NamedTuple):
    """What a job says of the run that it made."""

    video_id: str
    run_id: str
    players: int
    tracks: int
    notes: tuple[str, ...]

    @classmethod
    def of(cls, result: dict[str, Any]) -> Self:
        """Of a job's result."""
        notes = tuple(result["notes"])
        return cls(result["video_id"], result["run_id"], result["players"], result["tracks"], notes)


class Learned(NamedTuple):
    """The run that was linked with a model. worth: what the model scores, in words."""

    run: Run
    worth: str


class Tour:
    """One demo, in a folder that is its own, with what it starts among `children`."""

    def __init__(self, request: Request, folder: DemoFolder, children: Children) -> None:
        """Raises InputError where a part's command is not known."""
        self._request = request
        self._folder = folder
        self._tracking = command(TRACKING)
        port = _free_port()
        parts = [worker(folder.log("worker")), api(folder.log("api"))]
        stack = Stack(children, parts, _settings(folder, port), self._note, MOST_FAILURES)
        self._attendance = Attendance(children, stack)
        self._api = Asking(self._attendance, f"http://{HOST}:{port}")

    def run(self) -> None:
        """From the film to the page. Raises UserError, Failed, and Stopped at any time."""
        began = time.monotonic()
        game = self._game()
        with _step(2, "The services start", "An API and a worker, each a process of its own, for this machine alone."):
            self._api.wait_for_answer()
            _say(f"the API answers at {self._api.url}; all that is kept is in {self._folder.typed / 'storage'}")
        with _step(3, "The game is uploaded", "Through the API, as the page or any program does it."):
            video_id, detections_file = self._api.upload(game.film, game.detections)
        boxes = "boxes that a detector found" if game.detections is not None else "boxes of whatever moves"
        why = f"A job for the worker: from {boxes}, with people told apart by jersey colours alone."
        with _step(4, "The players are followed", why):
            asked = TrackVideo(video_id=video_id, detections_file=detections_file)
            before = Run.of(self._api.do(asked))
            _say_run(before)
        learned = self._learn(asked, before, is_needed=game.truth is not None)
        shown, why = before, "the only run"
        if learned is not None:
            shown, why = self._compare(game.truth, before, learned)
        self._folder.take_results(self._folder.storage / run_path(TENANT, shown.video_id, shown.run_id))
        _heading(f"Done in {duration_text(time.monotonic() - began)}")
        self._say_results(shown, why)
        if self._request.serves:
            self._attendance.wait_for_ever()

    def _note(self, part: Part, text: str) -> None:
        with self._folder.log("services").open("a", encoding="utf-8") as log:
            log.write(f"{part.name:<8} {text}\n")

    def _game(self) -> Game:
        asked = self._request
        if asked.video is not None:
            with _step(1, "Your game", "Its truth is not known: what is found can be counted, not measured."):
                return Game(asked.video, asked.detections, None)
        why = "Rendered here, so that what is found can be measured against the truth."
        with _step(1, "A game of which every position is known", why), StageBars() as bars:
            place, said = self._folder.sample, self._folder.scratch / "progress.json"
            words = [*command(SAMPLE), "--out", str(place), *asked.sample_options]
            settings = {PROGRESS_VARIABLE: PROGRESS_JSON, PROGRESS_FILE_VARIABLE: str(said)}

            def look() -> None:
                if (now := _progress_in(said)) is not None:
                    bars.show(now)

            self._attendance.run("sample", words, self._folder.log("sample"), settings, look)
        return Game(place / "clip.mp4", place / "det" / "det.txt", place / "gt" / "gt.txt")

    def _learn(self, asked: TrackVideo, before: Run, *, is_needed: bool) -> Learned | None:
        """What is `asked` once more, with a model that learned from the run before. A game that shows too few people
        teaches nothing: that is an error where a model `is_needed`, and else it is told, and the answer is None."""
        time_given = duration_text(self._request.budget)
        why = f"Crops of the players as they were followed, then {time_given} of training from random weights."
        try:
            with _step(5, "A model learns to tell them apart", why):
                run = RunReference(video_id=before.video_id, run_id=before.run_id)
                dataset = self._api.do(BuildDataset(runs=(run,)))
                crops = f"{dataset['train_crops']:,} crops of {dataset['train_identities']} people"
                _say(f"{crops} to learn from, {dataset['val_crops']:,} of {dataset['val_identities']} held back")
                budget = self._request.budget
                model = self._api.do(TrainReid(dataset_id=dataset["dataset_id"], budget_seconds=budget))
                worth = f"rank-1 {_percent(model['rank1'])}, mAP {_percent(model['mAP'])} on what was held back"
                _say(f"{model['model_id']}: {worth}")
            # Not by a job of link_players: it begins with tracks that are linked already, which changes more than the
            # model does.
            why = "The same job again, but for the model: whatever changes is its doing."
            with _step(6, "The tracks are linked again, with the model", why):
                after = Run.of(self._api.do(asked.model_copy(update={"reid_model_id": model["model_id"]})))
                _say_run(after)
        except JobFailed as failure:
            if is_needed:
                raise
            _say(f"left out: {failure}")
            return None
        return Learned(after, worth)

    def _compare(self, truth: Path | None, before: Run, learned: Learned) -> tuple[Run, str]:
        """Prints both runs side by side; the one to be shown, and why it is."""
        after = learned.run
        if truth is None:
            why = "No truth is known: these are counts, and what the model's card says."
            with _step(7, "What the model changed", why):
                _show(table_of_counts((before.players, before.tracks), (after.players, after.tracks)))
                _say(f"the model: {learned.worth}")
            return after, "the run with the model"
        with _step(7, "What the model changed", "Both runs against the truth, which no service has seen."):
            old, new = self._measure(truth, {"before": before, "after": after})
            _show(table_of_scores(old, new))
            _say(verdict(old, new))
        if gain(old, new) >= 0:
            return after, "the run with the model, which is no worse by HOTA"
        return before, "the run without the model, which is better by HOTA"

    def _measure(self, truth: Path, runs: dict[str, Run]) -> list[Scores]:
        """The scores of runs, which are measured side by side."""
        started = {}
        for name, run in runs.items():
            tracks, scores = self._folder.tracks(name), self._folder.scratch / f"{name}.json"
            self._api.tracks(run.video_id, run.run_id, tracks)
            words = [*self._tracking, "evaluate", str(truth), str(tracks), "--json"]
            with scores.open("wb") as output, self._folder.log("evaluate").open("ab") as errors:
                started[scores] = self._attendance.start(words, output=output, errors=errors)
        for pid in started.values():
            self._attendance.wait_for_program("evaluate", pid)
        return [read_scores(scores) for scores in started]

    def _say_results(self, shown: Run, why: str) -> None:
        folder = self._folder.typed
        print(f"  annotated video   {folder / 'annotated.mp4'}  ({why})")
        print(f"  report            {folder / 'report.html'}")
        if self._request.serves:
            print(f"  the page          {self._api.url}/#/game/{shown.video_id}?run={shown.run_id}")
            print("                    until Ctrl-C", flush=True)
        else:
            print(f"  the page          ./bazelw run //:serve -- --storage {folder / 'storage'}", flush=True)


def _settings(folder: DemoFolder, port: int) -> dict[str, str]:
    """Of the services: nothing of what they keep is where they keep it otherwise."""
    return {
        **settings_of_parts(str(folder.storage), TENANT, f"sqlite:///{folder.storage / 'laxai.db'}"),
        "LAXAI_HOST": HOST,
        "LAXAI_PORT": str(port),
        "LAXAI_WORK": str(folder.work),
        "LAXAI_SPOOL": str(folder.scratch / "uploads"),
        "LAXAI_LOG_MODE": "human",
    }


def _free_port() -> int:
    """The usual port, or where that is taken any other that is free."""
    for port in (USUAL_PORT, 0):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the API does
            try:
                sock.bind((HOST, port))
                sock.listen()
            except OSError:
                continue
            return int(sock.getsockname()[1])
    raise InputError(HOST, "has no port that is free")


def _progress_in(path: Path) -> Progress | None:
    """What a program has written to its LAXAI_PROGRESS_FILE, if anything yet."""
    try:
        said = json.loads(path.read_bytes())["laxai_progress"]
    except FileNotFoundError:
        return None
    return Progress(stage=said["stage"], done=said["done"], total=said["total"], message=said["unit"])


@contextmanager
def _step(number: int, title: str, why: str) -> Iterator[None]:
    """A numbered heading, a line that says why, and at the end how long it took."""
    _heading(f"{number} of {STEPS}  {title}")
    _say(why)
    began = time.monotonic()
    yield
    _say(f"done in {duration_text(time.monotonic() - began)}")


def _heading(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


def _say_run(run: Run) -> None:
    _say(f"{run.players:,} players, of {run.tracks:,} tracks")
    for note in run.notes:
        _say(f"note: {note}")


def _show(table: str) -> None:
    print("\n" + textwrap.indent(table, "    ") + "\n", flush=True)


def _percent(share: float | None) -> str:
    return f"{100 * share:.1f} %" if share is not None else "not known"
