"""What a BUILD file shall hold, before it is written."""

from collections.abc import Sequence
from typing import NamedTuple

from buildgen.targets import Reason, Target

#: Stands above a directive that buildgen wrote because of a circle, and that goes with it.
CIRCLE = "# buildgen:circle"
MODE = "# gazelle:python_generation_mode "


class Package(NamedTuple):
    """What a package's BUILD file shall hold."""

    path: str
    build_path: str
    text: str  # as it stands, "" where there is none
    targets: tuple[Target, ...]
    headers: tuple[str, ...] = ()  # directives for Gazelle that follow from the layout
    has_build_defs: bool = True
    uses_gazelle: bool = False
    shared_locks: bool = False  # tests run under several locks
    stubs: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()  # the Python files of the package

    def fingerprint(self) -> str:
        """What the new text depends on, but for the old text."""
        rows = [
            self.path,
            self.headers,
            self.has_build_defs,
            self.uses_gazelle,
            self.shared_locks,
            sorted(self.stubs),
            sorted(self.files),
        ]
        for target in self.targets:
            rows.append(
                [
                    (target.name, target.kind, target.srcs, target.main, target.service_package, target.testonly),
                    (target.by_hand, target.plain_name, target.root, sorted(target.users)),
                    target.config,
                    sorted((src, place(reason, self.path)) for src, reason in target.hidden.items()),
                    *(
                        sorted((dep, mark(reasons, self.path)) for dep, reasons in table.items())
                        for table in (target.deps, target.type_deps, target.data, target.globs)
                    ),
                ]
            )
        return repr(rows)


def place(reason: Reason, package: str) -> str:
    path = reason.path[len(package) + 1 :] if package and reason.path.startswith(f"{package}/") else reason.path
    return f"{path}:{reason.line}"


def mark(reasons: Sequence[Reason], package: str) -> str:
    return "" if any(reason.shown for reason in reasons) else place(reasons[0], package)
