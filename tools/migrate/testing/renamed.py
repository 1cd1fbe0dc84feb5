"""A repository for tests of text files: the guide's monolith, in small, and what its migration renames."""

import posixpath
from dataclasses import dataclass, replace

from migrate.edits import apply_edits
from migrate.model import Certainty, Mention, Renames
from migrate.text_files import mentions

TRACKING, TRAINING, API, CLOUD = (f"services/service-{name}/src" for name in ("tracking", "training", "api", "cloud"))

_FOLDERS = {
    "src/track": f"{TRACKING}/tracking",
    "modules": f"{TRACKING}/tracking/modules",
    "src/train": f"{TRAINING}/training",
    "src/api": f"{API}/api",
    "src/api/v1": f"{API}/api/v1",
    "src/services": f"{API}/api/services",
    "src/cloud": f"{CLOUD}/cloud",
    "scripts": f"{CLOUD}/cloud/scripts",
    "src/common": "shared_libs/common",
    "src/config": "shared_libs/config",
    "src/utils": "shared_libs/utils",
    "tests/track": "services/service-tracking/tests/track",
    "tests/api": "services/service-api/tests/api",
}
_MOVED = (
    "src/track/__init__.py", "src/track/pipeline.py", "modules/player.py", "src/train/__init__.py",
    "src/train/main_train.py", "src/train/dataset.py", "src/api/__init__.py", "src/api/v1/routes.py",
    "src/api/README.md", "src/services/training.py", "src/cloud/__init__.py", "src/cloud/worker.py",
    "src/cloud/requirements.txt", "src/common/__init__.py", "src/common/storage.py",
    "src/config/cloud-config.env", "src/config/gcs_structure.yaml", "src/config/logging_config.py",
    "src/utils/cleanup.py", "scripts/deploy.sh", "tests/track/test_pipeline.py", "tests/api/test_routes.py",
)  # fmt: skip
_STAYING = (
    "README.md", "pyproject.toml", "config.toml", "docker/Dockerfile", "docker/worker/Dockerfile.worker",
    "tests/conftest.py", "requirements/base.txt", "requirements/cloud.txt", "tools/reporting.py",
    "documentation/GUIDE.md", ".github/workflows/ci.yml",
)  # fmt: skip


@dataclass(frozen=True)
class Repository:
    """A repository as far as readers of text files see it: its files, and what is renamed."""

    files: frozenset[str]
    renames: Renames

    def exists(self, path: str) -> bool:
        """Whether a path is a file or a folder of it."""
        return path in self.files or any(file.startswith(f"{path}/") for file in self.files)

    def mentions(self, path: str, contents: bytes | str) -> list[Mention]:
        """The mentions in a file of it."""
        data = contents if isinstance(contents, bytes) else contents.encode()
        return mentions(path, data, self.renames, self.exists)

    def rewritten(self, path: str, contents: bytes | str, likely: bool = False) -> bytes:
        """The file after the certain edits, and the likely ones if so asked."""
        data = contents if isinstance(contents, bytes) else contents.encode()
        taken = (Certainty.CERTAIN, Certainty.LIKELY) if likely else (Certainty.CERTAIN,)
        edits = [edit for one in self.mentions(path, data) if one.certainty in taken for edit in one.edits]
        return apply_edits(data, edits)

    def text(self, path: str, contents: str, likely: bool = False) -> str:
        """The same as text."""
        return self.rewritten(path, contents, likely).decode()


def repository(leave: tuple[str, ...] = ()) -> Repository:
    """The monolith.

    Args:
        leave: folders of src whose files stay, `src/utils` for one.
    """
    folders = {old: new for old, new in _FOLDERS.items() if old not in leave}
    files = {}
    for path in _MOVED:
        folder = posixpath.dirname(path)
        while folder and folder not in folders:
            folder = posixpath.dirname(folder)
        if folder:
            files[path] = folders[folder] + path[len(folder) :]
    takers = {
        top: tuple(sorted({new for old, new in folders.items() if old.count("/") == 1 and old.startswith(f"{top}/")}
                          | {old for old in leave if old.startswith(f"{top}/")}
                          | ({"tests"} if top == "tests" else set())))
        for top in ("src", "tests")
    }  # fmt: skip
    roots = (TRACKING, TRAINING, API, CLOUD, "", *(("src",) if leave else ()))
    renames = Renames(files, folders, takers, _module_names(files, roots), roots)
    return Repository(frozenset({*_MOVED, *_STAYING}), renames)


def _module_names(files: dict[str, str], roots: tuple[str, ...]) -> dict[str, str]:
    """Old module names, from the root and from src, with their new ones."""
    found = {}
    for old, new in files.items():
        if not old.endswith(".py") or old.startswith("tests/"):
            continue
        root = max((root for root in roots if root and new.startswith(f"{root}/")), key=len, default="")
        name = _dotted(new[len(root) :].lstrip("/"))
        found[_dotted(old)] = name
        if old.startswith("src/"):
            found[_dotted(old.removeprefix("src/"))] = name
    return {old: new for old, new in found.items() if old != new}


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def with_file_moved(repo: Repository, old: str, new: str) -> Repository:
    """The same, with one more file that moves."""
    renames = replace(repo.renames, files={**repo.renames.files, old: new})
    return Repository(repo.files | {old}, renames)
