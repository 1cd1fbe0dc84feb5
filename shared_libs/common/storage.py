"""Where things stand in storage: relative paths with the tenant first, on any file system or object store.

    {tenant}/videos/{video}/source.{suffix}
    {tenant}/videos/{video}/{edits.jsonl,roster.csv}, and files of detections under names of their own
    {tenant}/videos/{video}/runs/{run}/{run.json,tracks.json,players.json,…}
    {tenant}/videos/{video}/runs/{run}/clips/{clips}/{clips.json,….mp4}
    {tenant}/datasets/{dataset}/{dataset.json,crops.parquet}
    {tenant}/datasets/{dataset}/{train,val}/{identity}/…
    {tenant}/models/{model}/{model.onnx,checkpoint.ckpt,model.json}
    {tenant}/models/promoted.json

What has several files is there once its last one is, which says what the others are: run.json, clips.json,
dataset.json, model.json.

Builders make such paths from checked parts; `parse` takes them apart. No text whatsoever makes a path outside its
tenant's prefix: tenants, ids and names are of a few ASCII characters, and everything else is refused.
"""

import re
from dataclasses import dataclass
from typing import Literal

from shared_libs.utils.ids import parse_id

Split = Literal["train", "val"]
ModelFile = Literal["model.onnx", "checkpoint.ckpt", "model.json"]

SPLITS: tuple[Split, ...] = ("train", "val")
MODEL_FILES: tuple[ModelFile, ...] = ("model.onnx", "checkpoint.ckpt", "model.json")
PROMOTED = "promoted.json"
EDITS, ROSTER = "edits.jsonl", "roster.csv"
"""Of a video: what people corrected, and who plays."""

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# Letters, digits, dot, dash, underscore; neither first nor last a dot, so never "." or "..".
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9_-])?")
_SUFFIX = re.compile(r"[a-z0-9]{1,8}")


class StoragePathError(ValueError):
    """A tenant, id, name or path that storage does not take."""


def check_tenant(tenant: str) -> str:
    """The tenant's name as it is: 1 to 63 of a-z, 0-9 and dash, not beginning with a dash."""
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise StoragePathError(f"a tenant is 1 to 63 of a-z, 0-9 and dash, not {tenant!r:.80}")
    return tenant


def check_name(name: str) -> str:
    """One file's or folder's name as it is: 1 to 200 of A-Z, a-z, 0-9, dash, underscore, and dots inside."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        wanted = "1 to 200 letters, digits, dashes, underscores and inner dots"
        raise StoragePathError(f"a name is {wanted}, not {name!r:.80}")
    return name


def under(tenant: str, *parts: str) -> str:
    """`{tenant}/{part}/{part}…`, each part one checked name. Raises StoragePathError."""
    if not parts:
        raise StoragePathError("a path has at least one part below its tenant")
    return "/".join([check_tenant(tenant), *map(check_name, parts)])


def video_folder(tenant: str, video_id: str) -> str:
    """The folder of all that belongs to a video."""
    return under(tenant, "videos", _check_id(video_id, "video"))


def video_source(tenant: str, video_id: str, suffix: str) -> str:
    """The uploaded video; `suffix` without its dot, such as "mp4"."""
    if not isinstance(suffix, str) or not _SUFFIX.fullmatch(suffix):
        raise StoragePathError(f"a suffix is 1 to 8 of a-z and 0-9, not {suffix!r:.80}")
    return f"{video_folder(tenant, video_id)}/source.{suffix}"


def video_file(tenant: str, video_id: str, name: str) -> str:
    """A file that was given with a video: EDITS, ROSTER, or detections."""
    return under(tenant, "videos", _check_id(video_id, "video"), name)


def run_path(tenant: str, video_id: str, run_id: str, *names: str) -> str:
    """A run's folder, or with `names` what lies in it."""
    return under(tenant, "videos", _check_id(video_id, "video"), "runs", _check_id(run_id, "run"), *names)


def clips_path(tenant: str, video_id: str, run_id: str, clips_id: str, *names: str) -> str:
    """The folder of clip reels that were made in one go of a run's players, or with `names` what lies in it."""
    return run_path(tenant, video_id, run_id, "clips", _check_id(clips_id, "clips"), *names)


def dataset_folder(tenant: str, dataset_id: str) -> str:
    """A dataset's folder."""
    return under(tenant, "datasets", _check_id(dataset_id, "dataset"))


def dataset_file(tenant: str, dataset_id: str, name: str) -> str:
    """A file that says something of a dataset as a whole."""
    return under(tenant, "datasets", _check_id(dataset_id, "dataset"), name)


def dataset_path(tenant: str, dataset_id: str, split: str, identity: str, *names: str) -> str:
    """The folder of one identity's crops, or with `names` what lies in it."""
    if split not in SPLITS:
        raise StoragePathError(f"a split is one of {', '.join(SPLITS)}, not {split!r:.80}")
    return under(tenant, "datasets", _check_id(dataset_id, "dataset"), split, identity, *names)


def model_folder(tenant: str, model_id: str) -> str:
    """A model's folder."""
    return under(tenant, "models", _check_id(model_id, "model"))


def model_path(tenant: str, model_id: str, name: str) -> str:
    """One of a model's files."""
    if name not in MODEL_FILES:
        raise StoragePathError(f"a model's file is one of {', '.join(MODEL_FILES)}, not {name!r:.80}")
    return f"{model_folder(tenant, model_id)}/{name}"


def models_folder(tenant: str) -> str:
    """The folder of all models."""
    return under(tenant, "models")


def promoted_models(tenant: str) -> str:
    """The file that says which models are in use."""
    return under(tenant, "models", PROMOTED)


@dataclass(frozen=True, slots=True)
class StoragePath:
    """A path taken apart: whose it is, of which video, dataset or model (and run), and the names below that.

    Of the kind "promoted" is one file alone, and its name is the object_id.
    """

    tenant: str
    kind: Literal["video", "run", "dataset", "model", "promoted"]
    object_id: str
    run_id: str | None = None
    rest: tuple[str, ...] = ()

    def __str__(self) -> str:
        runs = () if self.run_id is None else ("runs", self.run_id)
        folder = {"run": "videos", "promoted": "models"}.get(self.kind, f"{self.kind}s")
        return under(self.tenant, folder, self.object_id, *runs, *self.rest)


def parse(path: str) -> StoragePath:
    """The parts of a path of the layout; `str()` of them gives the path back. Raises StoragePathError for others."""
    tenant, *parts = path.split("/")
    under(tenant, *parts)
    if len(parts) < 2:
        raise StoragePathError(f"not a path of the storage layout: {path!r:.200}")
    folder, object_id, *rest = parts
    if folder == "videos":
        _check_id(object_id, "video")
        if len(rest) >= 2 and rest[0] == "runs":
            return StoragePath(tenant, "run", object_id, _check_id(rest[1], "run"), tuple(rest[2:]))
        return StoragePath(tenant, "video", object_id, None, tuple(rest))
    if folder == "datasets":
        if rest and rest[0] not in SPLITS and len(rest) > 1:
            raise StoragePathError(f"not a split of a dataset: {rest[0]!r:.80}")
        return StoragePath(tenant, "dataset", _check_id(object_id, "dataset"), None, tuple(rest))
    if folder == "models" and parts[1:] == [PROMOTED]:
        return StoragePath(tenant, "promoted", PROMOTED)
    if folder == "models":
        if rest and (len(rest) > 1 or rest[0] not in MODEL_FILES):
            raise StoragePathError(f"not a model's file: {'/'.join(rest)!r:.80}")
        return StoragePath(tenant, "model", _check_id(object_id, "model"), None, tuple(rest))
    raise StoragePathError(f"not a folder of the storage layout: {folder!r:.80}")


def _check_id(text: str, kind: str) -> str:
    try:
        parse_id(text, kind)
    except (ValueError, TypeError) as error:
        raise StoragePathError(str(error)) from None
    return text
