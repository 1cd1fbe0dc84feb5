"""The VS Code workspace: one folder per service, the shared libraries, and the root."""

import json
from collections.abc import Iterable, Sequence
from typing import Any


def workspace_file(name: str, folders: Iterable[str]) -> bytes:
    """`<name>.code-workspace` for these folders and the root, which comes last."""
    listed = [{"name": folder.rpartition("/")[2], "path": folder} for folder in folders]
    settings: dict[str, Any] = {
        "files.exclude": {"**/__pycache__": True},
        # The services are folders of their own here; seen from the root, they would all be found twice.
        "python.testing.autoTestDiscoverOnSaveEnabled": False,
    }
    return _json({"folders": [*listed, {"name": name, "path": "."}], "settings": settings})


def service_settings(to_root: str, import_roots: Sequence[str], target: str) -> bytes:
    """A service's .vscode/settings.json.

    to_root: the repository's root from the service's folder.
    import_roots: from the service's folder.
    target: the service's folder from the root: tests are run from the root, so that relative paths keep their meaning.
    """
    return _json(
        {
            "python.defaultInterpreterPath": "${workspaceFolder}/.venv/bin/python",
            "python.analysis.extraPaths": [f"${{workspaceFolder}}/{root}" for root in import_roots],
            "python.testing.pytestEnabled": True,
            "python.testing.unittestEnabled": False,
            "python.testing.cwd": f"${{workspaceFolder}}/{to_root}",
            "python.testing.pytestArgs": [target],
        }
    )


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()
