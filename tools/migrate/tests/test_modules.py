"""Which file a module's name means before the move: the rules of Python's own finder."""

import importlib.machinery
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.inventory import take_inventory
from migrate.modules import Modules, module_name
from migrate.testing.building import write

FILES: dict[str, str | bytes] = {
    "a/__init__.py": "", "a/b.py": "", "a/c/d.py": "", "src/a/e.py": "", "src/f.py": "", "src/n/g.py": "", "n/h.py": "",
    "f/x.py": "", "code/__init__.py": "", "code/mine.py": "", "docs/readme.md": "", "my-tool/run.py": "", "json.py": "",
}  # fmt: skip


@pytest.fixture
def modules(tmp_path: Path) -> Modules:
    return Modules(take_inventory(write(tmp_path, FILES)), ("", "src"))


def test_names_are_found_as_python_finds_them(modules: Modules) -> None:
    def file(name: str) -> str | None:
        found = modules.find(name)
        return None if found is None else found.file or "+".join(found.folders)

    assert file("a") == "a/__init__.py"
    assert file("a.b") == "a/b.py"
    assert file("a.c") == "a/c" and file("a.c.d") == "a/c/d.py"
    assert file("a.e") is None  # the first package of a name is the only one
    assert file("src.a.e") == "src/a/e.py"
    assert file("n") == "n+src/n" and file("n.g") == "src/n/g.py" and file("n.h") == "n/h.py"
    assert file("f") == "src/f.py"  # a module comes before a folder without __init__.py
    assert file("docs") is None and file("a.b.c") is None and file("") is None


def test_names_of_the_standard_library_mean_it(modules: Modules) -> None:
    assert modules.find("json") is None and modules.find("code") is None
    assert modules.find("code.mine") is not None
    assert not modules.is_ours("json.x") and modules.is_ours("a.nothing") and not modules.is_ours("numpy")


def test_every_name_of_a_file_is_known_the_shortest_first(modules: Modules) -> None:
    assert modules.names["src/f.py"] == ("f", "src.f")
    assert modules.names["src/a/e.py"] == ("src.a.e",)
    assert "my-tool/run.py" not in modules.names


def test_what_a_file_puts_on_the_path_is_its_own(modules: Modules) -> None:
    modules.own_roots["a/b.py"] = ("src/n",)
    found = modules.find("g", "a/b.py")
    assert found is not None and found.file == "src/n/g.py"
    assert modules.find("g", "a/c/d.py") is None


def test_module_names_are_seen_from_a_root() -> None:
    assert module_name("src/a/b.py", "src") == "a.b"
    assert module_name("src/a/__init__.py", "") == "src.a"
    assert module_name("src/__init__.py", "src") is None
    assert module_name("my-tool/a.py", "") is None and module_name("a.txt", "") is None
    assert module_name("srcs/a.py", "src") is None


_PARTS = st.sampled_from(["p", "q", "r"])
_PATHS = st.lists(_PARTS, min_size=1, max_size=3).map("/".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    paths=st.lists(st.tuples(_PATHS, st.sampled_from([".py", "/__init__.py"])), min_size=1, max_size=8, unique=True),
    roots=st.lists(st.sampled_from(["", "p", "q"]), min_size=1, max_size=3, unique=True),
    name=st.lists(_PARTS, min_size=1, max_size=3),
)
def test_any_layout_is_read_as_importlib_reads_it(
    tmp_path_factory: pytest.TempPathFactory, paths: list[tuple[str, str]], roots: list[str], name: list[str]
) -> None:
    root = tmp_path_factory.mktemp("repo")
    write(root, {path + suffix: "" for path, suffix in paths})
    found = Modules(take_inventory(root), tuple(roots)).find(".".join(name))
    places: list[str] | None = [str(root / entry) for entry in roots]
    spec = None
    for part in name:
        spec = importlib.machinery.PathFinder.find_spec(part, places) if places else None
        places = (
            None if spec is None or spec.submodule_search_locations is None else list(spec.submodule_search_locations)
        )
        if spec is None:
            break
    for place in [p for p in sys.path_importer_cache if p.startswith(str(root))]:
        del sys.path_importer_cache[place]
    if spec is None:
        assert found is None
    elif spec.origin is not None:
        assert found is not None and str(root / found.file) == spec.origin
    else:
        assert found is not None and not found.file and [str(root / folder) for folder in found.folders] == places
