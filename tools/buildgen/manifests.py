"""Import names on disk: Gazelle's manifests, and the record of import names read from installed wheels."""

import os
import sys
from collections.abc import Iterator

from buildgen.facts import Workspace
from buildgen.locks import RECORD, Lock, normal

MANIFEST = "gazelle_python.yaml"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")
_SPECIAL = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})


def manifest_text(lock: Lock) -> str:
    """Gazelle's manifest of a lock: which distribution brings which import name."""
    rows = [f"    {_yaml(name)}: {_yaml(distribution)}" for name, distribution in sorted(lock.imports.items())]
    return "\n".join(
        [
            f"# Written by //tools/buildgen from {lock.path} and {RECORD}, for Gazelle.",
            "manifest:",
            "  modules_mapping:" + ("" if rows else " {}"),
            *rows,
            "  pip_repository:",
            "    name: pypi",
            "",
        ]
    )


def manifests(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """(path, text) of Gazelle's manifests: one in each folder whose lock is another than the folder's above."""
    locks = workspace.locks
    for path in workspace.folders:
        config = workspace.configs[path]
        own = locks.of_folder(path, config.locks)
        if not own:
            continue
        above = path.rpartition("/")[0]
        if path and locks.of_folder(above, workspace.configs[above].locks)[:1] == own[:1]:
            continue
        if any(scanned.startswith(f"{path}/") or not path for scanned in workspace.scans):
            yield workspace.folders[path].at(MANIFEST), manifest_text(own[0])


def _yaml(text: str) -> str:
    plain = set(text) <= _PLAIN and text.lower() not in _SPECIAL and not text[:1].isdigit()
    if plain:
        return text
    import json

    return json.dumps(text)


def update_manifests(root: str, *, check: bool) -> int:
    """Completes the record of import names from the wheels installed in the workspace's .venv folders.

    Only what the record does not say yet is added: what //tools/lock read from the index stays.
    Returns the exit status.
    """
    from pathlib import Path

    from buildgen.facts import read_workspace
    from lock.import_names import Imports, import_names, read_record, record_text
    from shared_libs.common.errors import UserError
    from shared_libs.common.files import atomic_write

    workspace = read_workspace(root)
    path = Path(root, RECORD)
    try:
        record = read_record(path)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    known = {normal(key.partition("==")[0]) for key in record}
    wanted = {name for lock in workspace.locks.by_name.values() for name in lock.distributions} - known
    added = dict(record)
    for folder in installed(root):
        for name, version, files in distributions(folder):
            if normal(name) in wanted:
                added.setdefault(f"{normal(name).replace('_', '-')}=={version}", Imports("", import_names(files)))
    missing = sorted(wanted - {normal(key.partition("==")[0]) for key in added})
    for name in missing:
        print(f"warning: {name} is installed in no .venv: it is taken to be imported as {name}", file=sys.stderr)
    new = len(added) - len(record)
    print(f"{new} distribution{'' if new == 1 else 's'} added to {RECORD}", file=sys.stderr)
    if check:
        return 1 if new else 0
    if new:
        path.parent.mkdir(exist_ok=True)
        try:
            with atomic_write(path, "w") as file:
                file.write(record_text(added))
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


def installed(root: str) -> Iterator[str]:
    """The site-packages folders of the workspace's virtual environments."""
    from pathlib import Path

    for pattern in (".venv", "*/.venv", "services/*/.venv"):
        for venv in sorted(Path(root).glob(pattern)):
            yield from map(str, sorted(venv.glob("lib/python3*/site-packages")))


def distributions(site_packages: str) -> Iterator[tuple[str, str, list[str]]]:
    """(name, version, files) of everything installed in a folder, from each wheel's own RECORD."""
    import csv

    for entry in sorted(os.listdir(site_packages)):
        if not entry.endswith(".dist-info"):
            continue
        name, _, version = entry.removesuffix(".dist-info").partition("-")
        try:
            with open(os.path.join(site_packages, entry, "RECORD"), encoding="utf-8", newline="") as file:
                yield name, version, [row[0] for row in csv.reader(file) if row and not row[0].startswith("..")]
        except OSError:
            continue
