"""Models in ONNX's format, opened so that the same input gives the same output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.errors import InputError

if TYPE_CHECKING:  # it takes a while to load, and only runs with a model need it
    import onnxruntime

CPU = "CPUExecutionProvider"
THREADS = 2
"""In one operation. Fixed, not what the machine has: how a sum is shared out decides its last bits."""

_ONLY_ERRORS = 3
_LONGEST_CAUSE = 200
_EXPORT_AGAIN = "export the model anew"


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a model says of an input or output: its name, its sizes (None where they may differ), its element type.

    dtype: as ONNX writes it, such as "float", "float16", "int64".
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} {self.dtype} ({sizes})"


def open_session(path: Path, providers: Sequence[str] = (CPU,)) -> onnxruntime.InferenceSession:
    """The model in a file, ready to run. The same input gives the same bytes on the same machine.

    providers: onnxruntime's execution providers in the order of preference; by default the processor alone.
    Raises InputError where the file is missing, not an ONNX model, or one that this onnxruntime cannot run, and where
    a provider is not there.
    """
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise InputError.from_os_error(path, error) from error
    if is_empty:
        raise InputError(path, "the file is empty", hint="copy or export the model again")
    import onnxruntime

    absent = [name for name in providers if name not in onnxruntime.get_available_providers()]
    if absent:
        there = ", ".join(onnxruntime.get_available_providers())
        raise InputError(path, f"cannot be run with {', '.join(absent)}", hint=f"this machine has: {there}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = _ONLY_ERRORS
    # Waiting threads would otherwise burn the time that the video's decoder needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # onnxruntime's own kinds share no other base
        raise _refused(path, error, onnxruntime.__version__) from None


def model_input(session: onnxruntime.InferenceSession, path: Path) -> Tensor:
    """The model's one input. Raises InputError, naming `path`, where it has none or several."""
    inputs = [_tensor(node) for node in session.get_inputs()]
    if len(inputs) != 1:
        names = ", ".join(map(str, inputs)) or "none"
        raise InputError(path, f"has {len(inputs)} inputs, where one picture was expected: {names}")
    return inputs[0]


def model_outputs(session: onnxruntime.InferenceSession) -> tuple[Tensor, ...]:
    """The model's outputs, in their order."""
    return tuple(_tensor(node) for node in session.get_outputs())


def run_model(
    session: onnxruntime.InferenceSession,
    path: Path,
    feed: dict[str, NDArray[Any]],
    wanted: Sequence[str] | None = None,
) -> list[NDArray[np.generic]]:
    """What the model gives for `feed`: the outputs called `wanted`, by default all, in their order.

    Raises InputError, naming `path`, where it fails or gives something that is not an array.
    """
    try:
        results = session.run(wanted, feed)
    except Exception as error:
        shapes = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in feed.items())
        cause = _shortened(_plain(error))
        raise InputError(path, f"fails when run on {shapes}: {cause}", hint=_EXPORT_AGAIN) from None
    arrays = [result for result in results if isinstance(result, np.ndarray)]
    if len(arrays) != len(results):
        raise InputError(path, "gives something that is not an array", hint=_EXPORT_AGAIN)
    return arrays


def _tensor(node: Any) -> Tensor:
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in node.shape)
    return Tensor(node.name, shape, re.sub(r"^tensor\((.*)\)$", r"\1", node.type))


def _refused(path: Path, error: Exception, version: str) -> InputError:
    cause = _plain(error)
    if type(error).__name__ == "InvalidProtobuf" or "No graph was found" in cause:
        return InputError(path, "is not an ONNX model, or not a whole one", hint="copy or export the model again")
    newest = re.search(r"Opset (\d+) is under development.*till opset (\d+)", cause)
    if newest:
        hint = f"export it with opset {newest[2]} or lower"
        return InputError(path, f"needs opset {newest[1]}, onnxruntime {version} knows up to {newest[2]}", hint=hint)
    newest = re.search(r"IR version: (\d+), max supported IR version: (\d+)", cause)
    if newest:
        cause = f"is written in ONNX format {newest[1]}, onnxruntime {version} reads up to {newest[2]}"
        return InputError(path, cause, hint="export it with an older onnx, or use a newer onnxruntime")
    return InputError(path, f"cannot be run by onnxruntime {version}: {_shortened(cause)}", hint=_EXPORT_AGAIN)


def _plain(error: Exception) -> str:
    """onnxruntime's message in one line, without its codes, file names and signatures."""
    text = " ".join(str(error).split())
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"^Load model from .*? failed: ?", "", text)
    text = re.sub(r"/onnxruntime_src/\S+ .*?\)\s+(?=[A-Z])", "", text)
    return text


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_CAUSE else f"{text[:_LONGEST_CAUSE]}…"
