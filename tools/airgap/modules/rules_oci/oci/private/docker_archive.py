"""Writes an image as the archive that `docker load` reads.

    docker_archive.py --image LAYOUT --tags FILE --format docker|oci --output FILE

`docker` is the form of `docker save` for one image; `oci` is the layout itself, for an index of several.
"""

import argparse
import io
import json
import os
import tarfile
from pathlib import Path

from layout import INDEX, Json, Layout

# One time and mode for every entry: the archive's bytes follow from the image alone.
_TIME = 1672560000


def add(archive: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o755
    entry.mtime = _TIME
    if isinstance(content, bytes):
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
        return
    entry.size = content.stat().st_size
    with content.open("rb") as stream:
        archive.addfile(entry, stream)


def blob_name(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def write_docker(archive: tarfile.TarFile, image: Layout, tags: list[str]) -> None:
    manifest = image.read(image.top["digest"])
    if "layers" not in manifest:
        raise SystemExit('error: an index of images needs format = "oci"')
    config = manifest["config"]["digest"]
    add(archive, blob_name(config), image.blob(config))
    names = {layer["digest"]: blob_name(layer["digest"]) + ".tar.gz" for layer in manifest["layers"]}
    for digest, name in names.items():
        add(archive, name, image.blob(digest))
    entry = {
        "Config": blob_name(config),
        "RepoTags": tags,
        "Layers": [names[layer["digest"]] for layer in manifest["layers"]],
    }
    add(archive, "manifest.json", json.dumps([entry], indent=2).encode() + b"\n")


def write_oci(archive: tarfile.TarFile, image: Layout, tags: list[str]) -> None:
    top = image.top
    if top["mediaType"] != INDEX:
        raise SystemExit('error: format = "oci" is for an oci_image_index; an oci_image has format = "docker"')
    blobs = [top["digest"]]
    for entry in image.read(top["digest"])["manifests"]:
        manifest = image.read(entry["digest"])
        blobs += [entry["digest"], manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
    add(archive, "oci-layout", image.folder / "oci-layout")
    for digest in dict.fromkeys(blobs):
        add(archive, blob_name(digest), image.blob(digest))
    named: list[Json] = [{**top, "annotations": {"org.opencontainers.image.ref.name": tag}} for tag in tags]
    index = {"schemaVersion": 2, "manifests": named}
    add(archive, "index.json", json.dumps(index, indent=2).encode() + b"\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", required=True, type=Layout)
    parser.add_argument("--tags", required=True, type=Path)
    parser.add_argument("--format", required=True, choices=("docker", "oci"))
    parser.add_argument("--output", required=True, help="a file, or - for the standard output")
    options = parser.parse_args()
    target = os.dup(1) if options.output == "-" else options.output
    with open(target, "wb") as stream, tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        write = write_docker if options.format == "docker" else write_oci
        write(archive, options.image, options.tags.read_text(encoding="utf-8").split())


main()
