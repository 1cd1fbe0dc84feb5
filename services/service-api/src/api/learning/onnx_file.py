"""What an ONNX file says of itself, read from its bytes alone: nothing in it is run, and no weights are loaded.

An ONNX file is a protocol buffer (onnx.proto, ModelProto). Only what is needed of it is walked through; a length that
points beyond its message, or a number without an end, is damage.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared_libs.common.errors import InputError, PathLike

OLDEST_OPSET: Final = 7
NEWEST_OPSET: Final = 30
"""What the versions of ONNX Runtime that read models here can be expected to know."""

_MOST_FIELDS = 2_000_000
_LONGEST_NAME = 1000

_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5

_MODEL_IR_VERSION, _MODEL_GRAPH, _MODEL_OPSETS = 1, 7, 8
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR, _TENSOR_TYPE_ELEMENT, _TENSOR_TYPE_SHAPE = 1, 1, 2
_SHAPE_DIMENSION, _DIMENSION_VALUE = 1, 1
_ELEMENT_FLOAT: Final = 1


class Value(NamedTuple):
    """An input or output. is_float: of 32-bit numbers. shape: None for sides that are open, and as a whole where the
    file does not say."""

    name: str
    is_float: bool
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class OnnxHeader:
    """opset: of the operators of ONNX itself. nodes: how many there are. inputs: those that are no weights."""

    opset: int
    nodes: int
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


def read_onnx_header(path: PathLike) -> OnnxHeader:
    """What an ONNX file says of itself.

    Raises InputError for what is no ONNX file or is damaged, has no graph, no input or no output, keeps weights in
    other files, or needs operators of an opset that is not known here.
    """
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Reader(content).header()
    except OSError as error:
        raise InputError.from_os_error(path, error) from error
    except _Damaged as error:
        raise InputError(path, str(error), hint="export the model again") from None
    except ValueError:  # mmap, of an empty file
        raise InputError(path, "the file is empty", hint="an ONNX model was expected") from None


class _Damaged(Exception):
    """Why a file cannot be used."""


class _Reader:
    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._fields_left = _MOST_FIELDS

    def header(self) -> OnnxHeader:
        ir_version, graph, opset = 0, None, 0
        for field, kind, start, end in self._fields(0, len(self._content)):
            if field == _MODEL_IR_VERSION and kind == _VARINT:
                ir_version = start
            elif field == _MODEL_GRAPH and kind == _LENGTH:
                graph = (start, end)
            elif field == _MODEL_OPSETS and kind == _LENGTH:
                domain, version = self._opset(start, end)
                opset = version if domain in ("", "ai.onnx") else opset
        if not ir_version or graph is None:
            raise _Damaged("is not an ONNX model")
        if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
            raise _Damaged(f"needs operators of opset {opset}; {OLDEST_OPSET} to {NEWEST_OPSET} are known here")
        return self._graph(*graph, opset)

    def _graph(self, begin: int, stop: int, opset: int) -> OnnxHeader:
        nodes = 0
        weights: set[str] = set()
        inputs: list[Value] = []
        outputs: list[Value] = []
        for field, kind, start, end in self._fields(begin, stop):
            if kind != _LENGTH:
                continue
            if field == _GRAPH_NODE:
                nodes += 1
            elif field == _GRAPH_INITIALIZER:
                weights.add(self._weight(start, end))
            elif field == _GRAPH_INPUT:
                inputs.append(self._value(start, end))
            elif field == _GRAPH_OUTPUT:
                outputs.append(self._value(start, end))
        own = tuple(value for value in inputs if value.name not in weights)
        if not own or not outputs or not nodes:
            raise _Damaged("is an ONNX model without inputs, outputs or operators")
        return OnnxHeader(opset, nodes, own, tuple(outputs))

    def _opset(self, begin: int, stop: int) -> tuple[str, int]:
        domain, version = "", 0
        for field, kind, start, end in self._fields(begin, stop):
            if field == _OPSET_DOMAIN and kind == _LENGTH:
                domain = self._text(start, end)
            elif field == _OPSET_VERSION and kind == _VARINT:
                version = start
        return domain, version

    def _weight(self, begin: int, stop: int) -> str:
        name = ""
        for field, kind, start, end in self._fields(begin, stop):
            if field == _TENSOR_NAME and kind == _LENGTH:
                name = self._text(start, end)
            elif field == _TENSOR_EXTERNAL or (field == _TENSOR_LOCATION and kind == _VARINT and start):
                raise _Damaged("keeps weights in other files; export it as one file")
        return name

    def _value(self, begin: int, stop: int) -> Value:
        name, is_float, shape = "", False, None
        for field, kind, start, end in self._fields(begin, stop):
            if field == _VALUE_NAME and kind == _LENGTH:
                name = self._text(start, end)
            elif field == _VALUE_TYPE and kind == _LENGTH:
                for inner, inner_kind, first, last in self._fields(start, end):
                    if inner == _TYPE_TENSOR and inner_kind == _LENGTH:
                        is_float, shape = self._tensor_type(first, last)
        return Value(name, is_float, shape)

    def _tensor_type(self, begin: int, stop: int) -> tuple[bool, tuple[int | None, ...] | None]:
        element, shape = 0, None
        for field, kind, start, end in self._fields(begin, stop):
            if field == _TENSOR_TYPE_ELEMENT and kind == _VARINT:
                element = start
            elif field == _TENSOR_TYPE_SHAPE and kind == _LENGTH:
                shape = tuple(
                    self._side(first, last)
                    for inner, inner_kind, first, last in self._fields(start, end)
                    if inner == _SHAPE_DIMENSION and inner_kind == _LENGTH
                )
        return element == _ELEMENT_FLOAT, shape

    def _side(self, begin: int, stop: int) -> int | None:
        side = None
        for field, kind, start, _ in self._fields(begin, stop):
            if field == _DIMENSION_VALUE and kind == _VARINT:
                side = start if 0 < start < 1 << 31 else None
        return side

    def _text(self, start: int, end: int) -> str:
        if end - start > _LONGEST_NAME:
            raise _Damaged("is not an ONNX model, or damaged: it has a name of more than 1000 bytes")
        return self._content[start:end].decode("utf-8", "replace")

    def _fields(self, place: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
        """The fields of a message: number, kind, and where the content begins and ends; of a number, the number."""
        while place < stop:
            self._fields_left -= 1
            if self._fields_left < 0:
                raise _Damaged("has more parts than any model that is known here")
            key, place = self._number(place, stop)
            field, kind = key >> 3, key & 7
            if kind == _VARINT:
                number, place = self._number(place, stop)
                yield field, kind, number, place
                continue
            size = {_EIGHT: 8, _FOUR: 4}.get(kind, -1)
            if kind == _LENGTH:
                size, place = self._number(place, stop)
            if not field or size < 0 or place + size > stop:
                raise _Damaged("is not an ONNX model, or it was cut off or damaged")
            yield field, kind, place, place + size
            place += size

    def _number(self, place: int, stop: int) -> tuple[int, int]:
        number = 0
        for shift in range(0, 70, 7):
            if place >= stop:
                break
            byte = self._content[place]
            place += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number, place
        raise _Damaged("is not an ONNX model, or it was cut off or damaged")
