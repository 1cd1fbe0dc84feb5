"""Puts images for several platforms under one index.

assemble_index.py OUTPUT IMAGE …
"""

import sys

from layout import INDEX, Json, Layout, pretty

_PLATFORM_KEYS = ("os", "architecture", "variant", "os.version", "os.features")


def main() -> None:
    output = Layout(sys.argv[1])
    entries: list[Json] = []
    for image in map(Layout, sys.argv[2:]):
        top = image.top
        manifest = image.read(top["digest"])
        config = image.read(manifest["config"]["digest"])
        for blob in (top, manifest["config"], *manifest["layers"]):
            output.copy(image.blob(blob["digest"]), blob["digest"])
        platform = {key: config[key] for key in _PLATFORM_KEYS if config.get(key)}
        entries.append({**top, "platform": platform})
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    output.finish(output.write(INDEX, pretty(index) + b"\n"))


main()
