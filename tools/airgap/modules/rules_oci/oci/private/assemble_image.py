"""Puts an image together: a base or nothing, layers on top, and what the configuration says.

assemble_image.py --output FOLDER (--base LAYOUT | --platform JSON) [--layer FILE DESCRIPTION …] [--env FILE] …
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from layout import CONFIG, DOCKER_LAYER, EPOCH, LAYER, MANIFEST, Json, Layout, pretty

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))")


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def arguments_in(path: Path) -> list[str]:
    return [line.replace("%5Cn", "\n") for line in lines(path)]


def pairs(path: Path) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition("=") for line in lines(path))}


def set_of(path: Path) -> Json:
    """`a,b` as the configuration writes a set: {"a": {}, "b": {}}."""
    return {entry: {} for entry in path.read_text(encoding="utf-8").strip("\n").split(",") if entry}


def environment(old: list[str], path: Path) -> list[str]:
    """The base's environment with the file's entries set; `$KEY` and `${KEY}` stand for what is set already."""
    values = {key: value for key, _, value in (entry.partition("=") for entry in old)}

    def value_of(match: re.Match[str]) -> str:
        key = match[1] or match[2]
        if key not in values:
            raise SystemExit(f"error: env: {match[0]}: neither the base nor an earlier entry sets {key}")
        return values[key]

    for line in lines(path):
        key, _, value = line.partition("=")
        values[key] = _VARIABLE.sub(value_of, value)
    return [f"{key}={value}" for key, value in values.items()]


def merged(old: Json, new: Json) -> Json:
    """`new` over `old`, objects inside objects merged as well."""
    result = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def start_from(base: Path | None, platform: Json | None, output: Layout) -> tuple[Json, Json]:
    """The manifest and configuration to build upon; the base's layers are copied."""
    if base is None:
        manifest: Json = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "size": 0},
            "layers": [],
        }
        config: Json = {
            "created": EPOCH,
            "config": {},
            "history": [],
            "rootfs": {"type": "layers", "diff_ids": []},
            **(platform or {}),
        }
        return manifest, config
    layout = Layout(base)
    manifest = layout.read(layout.top["digest"])
    if "config" not in manifest:
        raise SystemExit(f"error: {base}: a base must be one image, not an index of several")
    for layer in manifest["layers"]:
        output.copy(layout.blob(layer["digest"]), layer["digest"])
    return manifest, layout.read(manifest["config"]["digest"])


def add_layer(manifest: Json, config: Json, output: Layout, file: str, description: Json) -> None:
    docker = manifest.get("mediaType", MANIFEST).startswith("application/vnd.docker.")
    media_type = DOCKER_LAYER if docker else LAYER
    if description["compression"]:
        media_type += ("." if docker else "+") + description["compression"]
    manifest["layers"].append({"size": description["size"], "digest": description["digest"], "mediaType": media_type})
    config["rootfs"]["diff_ids"].append(description["diffid"])
    config["history"] = [*(config.get("history") or []), description["history"]]
    output.copy(file, description["digest"])


def settings(options: argparse.Namespace, base_environment: list[str]) -> Json:
    """What the options change in the configuration."""
    changes: Json = {}
    runtime: dict[str, Any] = {}
    if options.created:
        changes["created"] = options.created.read_text(encoding="utf-8").strip()
    if options.entrypoint:
        # Another program's default arguments make no sense, as in a Dockerfile.
        runtime["Cmd"] = None
        runtime["Entrypoint"] = arguments_in(options.entrypoint)
    if options.cmd:
        runtime["Cmd"] = arguments_in(options.cmd)
    if options.exposed_ports:
        runtime["ExposedPorts"] = set_of(options.exposed_ports)
    if options.volumes:
        runtime["Volumes"] = set_of(options.volumes)
    if options.env:
        runtime["Env"] = environment(base_environment, options.env)
    if options.labels:
        runtime["Labels"] = pairs(options.labels)
    if options.user:
        runtime["User"] = options.user
    if options.workdir:
        runtime["WorkingDir"] = options.workdir
    return {**changes, "config": runtime} if runtime else changes


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True, type=Layout)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--platform", type=json.loads)
    parser.add_argument("--layer", action="append", default=[], nargs=2)
    for name in ("created", "entrypoint", "cmd", "exposed-ports", "volumes", "env", "labels", "annotations"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--user")
    parser.add_argument("--workdir")
    options = parser.parse_args()
    output: Layout = options.output

    manifest, config = start_from(options.base, options.platform, output)
    for file, description in options.layer:
        add_layer(manifest, config, output, file, json.loads(Path(description).read_bytes()))
    if options.annotations:
        manifest["annotations"] = {**manifest.get("annotations", {}), **pairs(options.annotations)}

    config = merged(config, settings(options, (config.get("config") or {}).get("Env") or []))
    if "Cmd" in config.get("config", {}) and config["config"]["Cmd"] is None:
        del config["config"]["Cmd"]
    descriptor = output.write(CONFIG, pretty(config))
    manifest["config"] = {**manifest["config"], "size": descriptor["size"], "digest": descriptor["digest"]}
    manifest["config"].pop("data", None)
    output.finish(output.write(manifest.get("mediaType", MANIFEST), pretty(manifest) + b"\n"))


main()
