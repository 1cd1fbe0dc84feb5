"""For tests: a workspace of its own, with a folder of tiny wheels for an index and none of the machine's settings."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """`root` is the workspace, `wheels` pip's only source, `environment` what programs are to be run with."""

    root: Path
    wheels: Path
    environment: dict[str, str]

    def wheel(self, name: str, version: str, requires: Iterable[str] = (), tag: str = "py3-none-any") -> Path:
        """Adds a wheel with one module to the folder that pip finds wheels in."""
        info = f"{name}-{version}.dist-info"
        metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"]
        metadata += [f"Requires-Dist: {line}\n" for line in requires]
        path = self.wheels / f"{name}-{version}-{tag}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
            archive.writestr(f"{info}/METADATA", "".join(metadata))
            archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
        return path

    def write(self, name: str, text: str) -> Path:
        """Writes a file below requirements/."""
        path = self.root / "requirements" / name
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, name: str) -> str:
        """Reads a file below requirements/."""
        return (self.root / "requirements" / name).read_text(encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Every file below requirements/ with its contents."""
        return {path.name: path.read_bytes() for path in (self.root / "requirements").iterdir()}

    def lock(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command line."""
        return subprocess.run(
            [sys.executable, "-m", "lock", *arguments],
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )


def make_workspace(folder: Path) -> Workspace:
    """A workspace with no locks yet, below `folder`."""
    root, wheels = folder / "workspace", folder / "wheels"
    (root / "requirements").mkdir(parents=True)
    wheels.mkdir()
    (root / "MODULE.bazel").touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "BUILD_W"))}
    environment = {
        **kept,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "HOME": str(folder / "home"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_CACHE_DIR": "1",
        "PIP_TOOLS_CACHE_DIR": str(folder / "cache"),
    }
    return Workspace(root, wheels, environment)
