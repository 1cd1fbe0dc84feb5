"""Imports one module and says what came of it: `importer.py MODULE OUT TREE`, in a process of its own.

It is copied beside the runs and is run by the repository's interpreter: standard library only, Python 3.8 and later.
"""

import importlib
import json
import os
import sys
from typing import Any, Dict  # noqa: UP035


def main(name: str, out: str, tree: str) -> None:
    # This file's folder is put first by Python itself; the runs have it anyway.
    result: Dict[str, Any] = {"ok": False}  # noqa: UP006
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"ok": False, "kind": "os._exit", "message": "the process ended while the module was imported"}, file)
    try:
        importlib.import_module(name)
        result = {"ok": True}
    except BaseException as error:
        missing = error.name if isinstance(error, ImportError) else None
        lines = str(error).strip().splitlines()
        result = {"ok": False, "kind": type(error).__name__, "message": lines[0] if lines else "", "missing": missing}
    base = os.path.realpath(tree) + os.sep
    loaded = set()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and os.path.realpath(path).startswith(base):
            loaded.add(os.path.realpath(path)[len(base) :].replace(os.sep, "/"))
    result["loaded"] = sorted(loaded)
    with open(out, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(result, file)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
