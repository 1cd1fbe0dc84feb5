"""What is read from the syntax tree only."""

from __future__ import annotations

import pytest

from buildgen.scan import scan


def modules(text: str, name: str = "test_x.py") -> list[object]:
    return [row[0] for row in scan(text.encode(), name).modules]


def data(text: str) -> list[tuple[object, object]]:
    return [(row[0], row[1]) for row in scan(text.encode(), "x.py").data]


@pytest.mark.parametrize(
    "text",
    [
        'import_module("a.b")',
        'importlib.import_module("a.b")',
        'importlib.import_module(".b", "a")',
        '__import__("a.b")',
        'patch("a.b")',
        'mock.patch("a.b", new=1)',
        'mocker.patch("a.b")',
        'patch.dict("a.b", {})',
        'with patch("a.b") as x: pass',
        '@patch("a.b")\ndef test_x(x): pass',
        'monkeypatch.setattr("a.b", 1)',
        'monkeypatch.delattr("a.b")',
        'pytest_plugins = ["a.b"]',
        'pytest_plugins: list[str] = ["a.b"]',
        'runpy.run_module("a.b")',
        'subprocess.run([sys.executable, "-m", "a.b", "x"])',
        'run("python3", "-m", "a.b")',
        'script = """\n    exec "$PYTHON" -m a.b "$@"\n"""',
        'from unittest.mock import patch as p\np("a.b")',
    ],
)
def test_a_string_that_names_a_module_is_found(text: str) -> None:
    assert modules(text) == ["a.b"]


@pytest.mark.parametrize(
    "text",
    [
        'patch("no_dot")',
        'patch.object(a, "b")',
        'setattr(x, "a.b", 1)',
        'git("commit", "-m", "a.b")',
        'print("a.b")',
        "import_module(name)",
        '"patch(\\"a.b\\")"',
    ],
)
def test_a_string_that_names_no_module_is_not_taken_for_one(text: str) -> None:
    assert modules(text) == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('Path(__file__).parent / "x.yaml"', "x.yaml"),
        ('Path(__file__).resolve().parent / "d" / "x.yaml"', "d/x.yaml"),
        ('Path(__file__).parent.joinpath("d", "x.yaml").read_text()', "d/x.yaml"),
        ('HERE = Path(__file__).parent\nX = HERE / "x.yaml"', "x.yaml"),
        ('Path(__file__).parent.parent / "x.yaml"', "../x.yaml"),
        ('Path(__file__).parents[1] / "x.yaml"', "../x.yaml"),
        ('os.path.join(os.path.dirname(__file__), "x.yaml")', "x.yaml"),
        ('os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "x.yaml")', "../x.yaml"),
        ('Path(__file__).with_name("x.yaml")', "x.yaml"),
        ('open(Path(__file__).parent / "x.yaml")', "x.yaml"),
        ('resources.files(__package__) / "x.yaml"', "x.yaml"),
        ('resources.files(__package__).joinpath("x.yaml")', "x.yaml"),
    ],
)
def test_a_file_named_beside_the_code_is_found(text: str, path: str) -> None:
    assert data(text) == [("beside", path)]


def test_a_resource_of_a_package_is_found() -> None:
    assert data('resources.files("a.b") / "x.yaml"') == [("resource", "a.b:x.yaml")]
    assert data('importlib.resources.read_text("a.b", "x.yaml")') == [("resource", "a.b:x.yaml")]
    assert data('pkgutil.get_data("a.b", "x.yaml")') == [("resource", "a.b:x.yaml")]


def test_a_file_that_is_opened_for_reading_is_found_and_one_that_is_written_is_not() -> None:
    assert data('open("x.yaml")') == [("opened", "x.yaml")]
    assert data('open("x.yaml", mode="rb")') == [("opened", "x.yaml")]
    assert data('open("x.yaml", "w")') == []
    assert data('open("/etc/passwd")') == []


def test_fixtures_and_markers_are_those_of_tests_and_fixtures() -> None:
    text = """
@pytest.fixture
def own(mocker): ...
@pytest.mark.asyncio
async def test_a(benchmark, own, tmp_path): ...
def helper(mocker): ...
"""
    found = scan(text.encode(), "test_x.py")
    assert found.fixtures == [["mocker", 3], ["mark:asyncio", 4], ["benchmark", 5]]
    assert found.defines == ["own"]


def test_fixtures_in_a_file_that_pytest_does_not_read_ask_for_nothing() -> None:
    assert scan(b"def test_a(mocker): ...\n", "helpers.py").fixtures == []
