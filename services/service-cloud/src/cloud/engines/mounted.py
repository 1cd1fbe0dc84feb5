"""The work folder in a container: the same volume as the worker's, mounted at a place of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cloud.engines.engine import Task
from shared_libs.common.errors import InputError


@dataclass(frozen=True, slots=True)
class MountedWork:
    """work: the worker's work root, absolute. mount: the same folder where a container has it."""

    work: Path
    mount: PurePosixPath

    def folder(self, task: Task) -> PurePosixPath:
        """A task's folder in the container. Raises InputError where it is not below the work root."""
        try:
            return self.mount / task.folder.relative_to(self.work)
        except ValueError:
            hint = "set LAXAI_WORK to a folder of the volume that workers and tasks share"
            raise InputError(task.folder, f"is not below the work folder {self.work}", hint=hint) from None

    def arguments(self, task: Task) -> list[str]:
        """A task's arguments with the container's paths: as a whole, after `--option=` and after a prefix as in
        `onnx:/mount/model.onnx`. Raises InputError as `folder` does."""
        here, there = re.escape(str(task.folder)), str(self.folder(task))
        path = re.compile(f"(?<![^:=]){here}(?=/|$)")
        return [path.sub(lambda _: there, argument) for argument in task.arguments]
