"""ONNX files for tests, byte by byte: protocol buffers as onnx.proto has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

CARD: dict[str, Any] = {
    "kind": "reid",
    "name": "Last season's",
    "network": "osnet",
    "input": {"height": 256, "width": 128, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], "colour": "rgb"},
    "embedding": {"size": 512},
    "notes": ["from a friend"],
}
"""What goes with such a file: the card of a model."""


def number(field: int, value: int) -> bytes:
    """A whole number."""
    return _varint(field << 3) + _varint(value)


def block(field: int, content: bytes | str) -> bytes:
    """Text, or a message within the message."""
    raw = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def value(name: str, shape: Sequence[int | str] | None, element: int = 1) -> bytes:
    """An input or output; sides that are open have a name."""
    tensor = number(1, element)
    if shape is not None:
        sides = (number(1, side) if isinstance(side, int) else block(2, side) for side in shape)
        tensor += block(2, b"".join(block(1, side) for side in sides))
    return block(1, name) + block(2, block(1, tensor))


def weight(name: str, external: bool = False) -> bytes:
    """A tensor of one number."""
    place = block(13, block(1, "location") + block(2, "weights.bin")) + number(14, 1)
    return number(1, 1) + number(2, 1) + block(8, name) + (place if external else block(9, b"\0\0\x80?"))


def onnx_model(
    inputs: Sequence[bytes] | None = None,
    outputs: Sequence[bytes] | None = None,
    weights: Sequence[bytes] | None = None,
    opset: int = 17,
    nodes: int = 2,
) -> bytes:
    """A model: by default one that tells people apart."""
    inputs = [value("pictures", ["n", 3, 256, 128])] if inputs is None else inputs
    outputs = [value("vectors", ["n", 512])] if outputs is None else outputs
    weights = [weight("w")] if weights is None else weights
    graph = b"".join(block(1, block(4, "Relu")) for _ in range(nodes)) + block(2, "graph")
    graph += b"".join(block(5, each) for each in weights)
    graph += b"".join(block(11, each) for each in inputs) + b"".join(block(12, each) for each in outputs)
    opsets = block(8, block(1, "com.microsoft") + number(2, 1)) + block(8, block(1, "") + number(2, opset))
    return number(1, 8) + block(2, "tests") + block(7, graph) + opsets


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
