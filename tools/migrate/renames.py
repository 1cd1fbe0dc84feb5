"""Everything that is called differently afterwards, gathered from where each file goes."""

import posixpath

from migrate.analysis import Analysis
from migrate.model import Mapping, Renames
from migrate.naming import Naming
from migrate.placing import Placement


def renames_of(analysis: Analysis, mapping: Mapping, placement: Placement, naming: Naming) -> Renames:
    """The old and new names of files, folders and modules."""
    files = {path: plan.new_path for path, plan in placement.files.items() if plan.new_path and plan.new_path != path}
    folders: dict[str, str] = {}
    scattered: dict[str, tuple[str, ...]] = {}
    below: dict[str, list[str]] = {}
    for path in analysis.inventory.files:
        folder = posixpath.dirname(path)
        while folder:
            below.setdefault(folder, []).append(path)
            folder = posixpath.dirname(folder)
    for folder, paths in below.items():
        if not any(path in files or not placement.files[path].new_path for path in paths):
            continue
        homes = {
            _home(path, placement.files[path].new_path, folder) for path in paths if placement.files[path].new_path
        }
        copied = any(path in placement.copies for path in paths)
        if len(homes) == 1 and not copied and (home := homes.pop()) is not None:
            if home != folder:
                folders[folder] = home
        else:
            scattered[folder] = ()
    for folder in scattered:
        scattered[folder] = _takers(folder, below[folder], folders, scattered, placement)
    modules = {}
    for path, names in analysis.modules.names.items():
        new = naming.of_file(path)
        if new is None or naming.is_test_file(path):
            continue
        modules.update({name: new for name in names if name != new})
    roots = dict.fromkeys([component.import_root for component in mapping.components if component.import_root])
    return Renames(files, folders, scattered, modules, (*roots, "", *naming.kept_roots))


def _home(path: str, new_path: str, folder: str) -> str | None:
    """The folder that takes `folder`'s place for one file of it; None where the arrangement is another."""
    rest = path[len(folder) :]
    return new_path[: -len(rest)] if new_path.endswith(rest) else None


def _takers(
    folder: str, paths: list[str], folders: dict[str, str], scattered: dict[str, tuple[str, ...]], placement: Placement
) -> tuple[str, ...]:
    """The folders that take what was in a folder: as few as say it."""
    found: set[str] = set()
    for path in paths:
        new_path = placement.files[path].new_path
        if not new_path:
            continue
        # The highest folder below `folder` that moves as one.
        parts = path[len(folder) + 1 :].split("/")[:-1]
        for count in range(1, len(parts) + 1):
            part = posixpath.join(folder, *parts[:count])
            if part in folders:
                found.add(folders[part])
                break
            if part not in scattered:
                found.add(part)  # stays
                break
        else:
            found.add(posixpath.dirname(new_path))
    return tuple(
        sorted(one for one in found if not any(one != other and one.startswith(f"{other}/") for other in found))
    )
