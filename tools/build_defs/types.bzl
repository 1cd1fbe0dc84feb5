"""Type checking: mypy --strict over a part of the tree, under the lock that this part is built with."""

load(":python.bzl", "pytest_test")

_TEST = Label("//tools/build_defs:types_check.py")

# What requirements/shared_libs.in names, and so what every lock has. pydantic brings mypy's plugin for its models.
_OF_EVERY_LOCK = ["@pypi//" + name for name in [
    "av",
    "fsspec",
    "hypothesis",
    "mypy",
    "numpy",
    "pyarrow",
    "pydantic",
    "pydantic_settings",
    "pytest",
    "rich",
    "sqlalchemy",
    "structlog",
]]

# What everything of ours may import, tests included.
_FOR_ALL = [
    "shared_libs",
    "tools/build_defs",
    "tools/sample",
]

def typecheck_test(name, folders, deps = [], also = [], exclude = [], **kwargs):
    """A test that mypy has nothing to say about folders, as pyproject.toml configures it.

    What they import of ours, shared_libs above all, is checked too, as far as it is reached.

    Args:
        name: the target's name.
        folders: what is checked, as paths from the workspace's root: a service, a folder at the top, or below those.
        deps: wheels that the folders import, and libraries, which bring those that they import. What shared_libs needs is added.
        also: other folders that these import, beside those that all may: a tool that tests use.
        exclude: folders below `folders` that another such test checks.
        **kwargs: as for pytest_test.
    """
    seen = {}
    for folder in _FOR_ALL + folders + also:
        parts = folder.split("/")
        seen["/".join(parts[:2] if parts[0] in ("services", "tools") else parts[:1])] = True
    pytest_test(
        name = name,
        size = "medium",
        # On an idle core it takes less than a minute; a busy one shall have time.
        timeout = "long",
        srcs = [_TEST],
        data = ["@tree//:pyproject.toml"] + ["@tree//:python_in/" + part for part in sorted(seen)],
        env = {
            "CHECKED": " ".join(folders),
            "EXCLUDED": " ".join(exclude),
            "PYPROJECT": "$(rootpath @tree//:pyproject.toml)",
        },
        deps = _OF_EVERY_LOCK + deps,
        **kwargs
    )
