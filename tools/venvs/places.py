"""Which virtual environments there are, and what each makes importable."""

from dataclasses import dataclass
from pathlib import Path

from lock.workspace import REQUIREMENTS, SHARED_LIBS, lock_names, service_lock_names, spelling

FOLDER = ".venv"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the workspace that has a lock: its name, the folder, the lock, and the import roots for it."""

    name: str
    folder: Path
    lock: Path
    import_roots: tuple[Path, ...]

    @property
    def venv(self) -> Path:
        return self.folder / FOLDER

    @property
    def python(self) -> Path:
        """The virtual environment's own interpreter."""
        return self.venv / "bin" / "python"


def places(root: Path, accelerator: str) -> list[Place]:
    """Every service with a lock (whether its folder is there yet or not), shared_libs and tools, by name.

    The import roots are the workspace (for `shared_libs.…`) and the place's own: a service's `src/`, or `tools/`.
    A service that has a lock for the accelerator, SERVICE_ACCELERATOR (training_cuda), gets that one.
    """
    available = lock_names(root)
    found = []
    for lock_name in [*service_lock_names(available), SHARED_LIBS, "tools"]:
        if lock_name not in available:
            continue
        lock = root / REQUIREMENTS / f"{lock_name}.txt"
        if lock_name == SHARED_LIBS:
            found.append(Place(SHARED_LIBS, root / SHARED_LIBS, lock, (root,)))
        elif lock_name == "tools":
            found.append(Place("tools", root / "tools", lock, (root, root / "tools")))
        else:
            name = lock_name.replace("_", "-")
            folder = root / "services" / name
            twin = f"{spelling(lock_name)}_{accelerator}"
            if twin in available:
                lock = lock.with_name(f"{twin}.txt")
            found.append(Place(name, folder, lock, (root, folder / "src")))
    return found
