"""Detectors by what people call them on the command line."""

from __future__ import annotations

from pathlib import Path

from shared_libs.common.errors import InputError
from tracking.detectors.detector import Detector
from tracking.detectors.tiling import grid_named

_ONNX = "onnx:"


def detector_named(text: str, tiles: str = "auto", option: str = "--detector") -> Detector:
    """The detector that `text` asks for: onnx:MODEL.onnx, or MODEL.onnx alone. tiles: "auto", "off" or "3x2".

    Raises InputError where there is no such detector (naming `option`), or its model cannot be used.
    """
    if text.startswith(_ONNX):
        path = text.removeprefix(_ONNX)
    elif Path(text).suffix.casefold() == ".onnx":
        path = text
    else:
        raise InputError(option, f"there is no detector {text!r}", hint=f"say motion, or {_ONNX}MODEL.onnx")
    if not path:
        raise InputError(option, f"{text!r} names no model", hint=f"say {_ONNX}MODEL.onnx")
    grid = grid_named(tiles)
    from tracking.detectors.onnx_detector import OnnxDetector

    return OnnxDetector(Path(path), grid)
