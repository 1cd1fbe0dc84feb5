"""What each module is called after the move, seen from each file that imports it."""

import posixpath
from dataclasses import dataclass, field

from migrate.analysis import Analysis
from migrate.model import Component, Fate, Kind, Mapping
from migrate.modules import Module, module_name
from migrate.placing import Placement


@dataclass
class Naming:
    """New names of old modules.

    Attributes:
        kept_roots: old import roots, besides the repository's, that still hold modules afterwards.
    """

    analysis: Analysis
    mapping: Mapping
    placement: Placement
    kept_roots: tuple[str, ...] = ()
    _folders: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        components = {component.name: component for component in self.mapping.components}
        kept = set()
        for path, names in self.analysis.modules.names.items():
            if self.placement.files[path].fate is Fate.LEFT and not self.placement.files[path].component:
                kept |= {root for root in self.analysis.modules.roots if root and module_name(path, root) in names}
        roots = {component.import_root for component in components.values()}
        self.kept_roots = tuple(root for root in self.analysis.modules.roots if root in kept and root not in roots)

    def component_of(self, path: str) -> Component | None:
        """The component that a file (by its old path) ends up in."""
        name = self.placement.files[path].component if path in self.placement.files else ""
        return self.mapping.component(name) if name else None

    def is_test_file(self, path: str) -> bool:
        """Whether a file lies in a tests folder (a test, a conftest, a fixture) rather than among the code."""
        return any(path.startswith(f"{folder}/") for folder in self.mapping.tests_folders) or self._in_tests_home(path)

    def _in_tests_home(self, path: str) -> bool:
        component = self.component_of(path)
        return component is not None and self.placement.files[path].new_path.startswith(f"{component.tests_home}/")

    def keeps_its_name(self, module: Module) -> bool:
        """Whether a module is called afterwards whatever it is called now: it stays, or belongs to the tests.

        Folders of tests keep their arrangement, and so their files' names for each other.
        """
        if module.file:
            plan = self.placement.files[module.file]
            return self.is_test_file(module.file) or (not plan.component and plan.new_path == module.file)
        return all(
            self.placement.files[path].new_path == path or self.is_test_file(path)
            for folder in module.folders
            for path in self.analysis.inventory.below(folder)
            if path.endswith(".py")
        )

    def of_file(self, path: str) -> str | None:
        """The dotted name of a source file afterwards; None where it has none: dropped, or not importable there.

        Files of tests folders keep the names that they have, since folders of tests keep their arrangement.
        """
        plan = self.placement.files.get(path)
        if plan is None or plan.fate is Fate.DROPPED:
            return None
        component = self.component_of(path)
        if component is None or self.is_test_file(path):
            names = self.analysis.modules.names.get(path)
            return names[0] if names else None
        if component.kind is Kind.SHARED:
            return module_name(plan.new_path, "")
        return module_name(plan.new_path, component.import_root)

    def of_module(self, module: Module) -> str | None:
        """The dotted name of a module, or of a folder without `__init__.py` that stays together, afterwards."""
        if module.file:
            return self.of_file(module.file)
        names = {self.of_folder(folder) for folder in module.folders}
        return names.pop() if len(names) == 1 else None

    def of_folder(self, folder: str) -> str | None:
        """The dotted name of a folder whose modules all move together; None where they part, or it has no name."""
        if folder not in self._folders:
            found: set[str | None] = set()
            for path in self.analysis.inventory.below(folder):
                if not path.endswith(".py") or path not in self.analysis.sources:
                    continue
                rest = path[len(folder) + 1 :].removesuffix(".py").removesuffix("/__init__")
                below = [] if rest == "__init__" else rest.split("/")
                name = self.of_file(path)
                parts = name.split(".") if name else []
                kept = not below or parts[-len(below) :] == below
                found.add(".".join(parts[: len(parts) - len(below)]) if name and kept else None)
            self._folders[folder] = found.pop() if len(found) == 1 else None
        return self._folders[folder] or None

    def package_after(self, path: str) -> list[str] | None:
        """The package that a file's relative imports start from afterwards; None where it has none."""
        plan = self.placement.files[path]
        component = self.component_of(path)
        folder = posixpath.dirname(plan.new_path)
        if component is None or self.is_test_file(path):
            return None
        root = component.import_root
        if component.kind is Kind.SERVICE:
            rest = posixpath.relpath(folder, root)
            return [] if rest == "." else rest.split("/")
        return folder.split("/")
