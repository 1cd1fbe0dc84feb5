"""The rules of the house: which folder's code may be used by which."""

from buildgen.settings import Edge, Settings, names
from buildgen.targets import is_test_place

_SHARED = "shared_libs"
#: What tests of services and of shared libraries may use of tools/.
_FOR_TESTS = ("tools/build_defs", "tools/chromium", "tools/postgresql", "tools/sample")


def area(path: str) -> tuple[str, str]:
    """("service", its folder), ("shared", …), ("tools", …), ("deploy", …), or ("", first folder) for anything else."""
    parts = path.split("/")
    if parts[0] == "services" and len(parts) > 1:
        return "service", "/".join(parts[:2])
    if parts[0] == _SHARED:
        return "shared", _SHARED
    if parts[0] in ("tools", "deploy"):
        return parts[0], parts[0]
    return "", parts[0]


def broken_rule(importer: str, imported: str, *, is_test: bool) -> str:
    """The rule that a dependency between two folders breaks, "" where it breaks none."""
    kind, home = area(importer)
    other, there = area(imported)
    is_test = is_test or is_test_place(importer) or "benchmarks" in importer.split("/")
    if kind == "service":
        if other == "service" and there != home:
            return "a service does not import another service"
        if other == "deploy" or (other == "tools" and not is_test):
            return f"what ships does not depend on {there}"
        if other == "tools" and not imported.startswith(_FOR_TESTS):
            return f"tests use {', '.join(_FOR_TESTS)} of tools, nothing else"
    elif kind == "shared":
        if other == "tools" and is_test and imported.startswith(_FOR_TESTS):
            return ""
        if other != "shared":
            return f"{_SHARED} depends on nothing of ours outside itself"
    elif kind in ("tools", "deploy") and other == "service":
        return f"{kind} starts services as commands and does not import them"
    return ""


def allowed_edge(settings: Settings, importer: str, imported: str) -> Edge | None:
    """The entry of allow_edges that lets `importer` use `imported`."""
    return next((e for e in settings.allowed if names(e.importer, importer) and names(e.imported, imported)), None)


def forbidden_edge(settings: Settings, importer: str, imported: str) -> Edge | None:
    """The entry of `forbid` in pyproject.toml that a dependency breaks."""
    return next((e for e in settings.forbidden if names(e.importer, importer) and names(e.imported, imported)), None)
