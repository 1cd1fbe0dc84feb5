"""Says what an image has to know of a layer.

    describe_layer.py LAYER RESULT LABEL

The result is JSON: digest and size of the file, diffid (the digest of the uncompressed archive), compression.
"""

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from layout import EPOCH, pretty

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def digest(stream: Readable) -> str:
    state = hashlib.sha256()
    while block := stream.read(1 << 20):
        state.update(block)
    return "sha256:" + state.hexdigest()


def zstd_digest(layer: Path) -> str:
    # On its standard input, since zstd passes over symbolic links, which inputs of actions are.
    with layer.open("rb") as stream, subprocess.Popen(["zstd", "-d"], stdin=stream, stdout=subprocess.PIPE) as zstd:
        assert zstd.stdout is not None
        result = digest(zstd.stdout)
    if zstd.returncode:
        raise SystemExit(f"error: {layer}: zstd cannot decompress it")
    return result


def main() -> None:
    layer, result, label = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    with layer.open("rb") as stream:
        start = stream.read(4)
        stream.seek(0)
        file_digest = digest(stream)
    if start.startswith(_GZIP):
        compression = "gzip"
        with gzip.open(layer) as archive:
            diff_id = digest(archive)
    elif start == _ZSTD:
        compression, diff_id = "zstd", zstd_digest(layer)
    else:
        compression, diff_id = "", file_digest
    description = {
        "digest": file_digest,
        "diffid": diff_id,
        "compression": compression,
        "size": layer.stat().st_size,
        "history": {"created": EPOCH, "created_by": f"bazel build {label}"},
    }
    result.write_bytes(pretty(description) + b"\n")


main()
