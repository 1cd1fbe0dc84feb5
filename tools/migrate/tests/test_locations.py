"""Paths that code computes from its own place, paths in parts, and changes of sys.path."""

# ruff: noqa: E501 – code before and after, each in one line

from pathlib import Path

import pytest

from migrate.inventory import take_inventory
from migrate.locations import Location, Locator, Spelling
from migrate.model import Certainty
from migrate.roots import path_hacks
from migrate.source import Source
from migrate.testing.building import MAPPING, MODULES, plan_of, rewritten, write

HEAD = "import os\nimport sys\nfrom pathlib import Path\n"
PYTHONPATH_OF_SRC = '[tool.pytest.ini_options]\npythonpath = ["src"]\n'
UP5 = "os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))"

VALUES = {
    "__file__": ("src/train/main.py", False, True),
    "os.path.dirname(__file__)": ("src/train", False, True),
    "os.path.dirname(os.path.dirname(os.path.abspath(__file__)))": ("src", False, True),
    "os.path.join(os.path.dirname(__file__), '..', 'common', 'a.txt')": ("src/common/a.txt", False, True),
    "os.path.join(os.path.dirname(__file__), os.pardir, os.pardir)": ("", False, True),
    "os.path.normpath(os.path.join(os.path.dirname(__file__), '../../..'))": ("..", False, True),
    "Path(__file__)": ("src/train/main.py", True, True),
    "Path(__file__).parent": ("src/train", True, True),
    "Path(__file__).resolve().parents[1] / 'a' / 'b'": ("src/a/b", True, True),
    "Path(__file__).parents[2]": ("", True, True),
    "Path(__file__).parents[-1]": None,
    "Path(__file__).parents[n]": None,
    "(Path(__file__).parent / '..' / 'x').resolve()": ("src/x", True, True),
    "Path(__file__).with_name('x.py')": ("src/train/x.py", True, True),
    "Path(__file__).parent.joinpath('a', 'b').as_posix()": ("src/train/a/b", False, True),
    "str(Path(__file__).parent)": ("src/train", False, True),
    "os.fspath(Path(__file__).parent)": ("src/train", False, True),
    "f'{os.path.dirname(__file__)}/x'": ("src/train/x", False, True),
    "os.path.dirname(__file__) + '/x'": ("src/train/x", False, True),
    "os.path.dirname(__file__) + 'x'": None,
    "os.path.join('a', 'b')": ("a/b", False, False),
    "Path('a') / 'b'": ("a/b", True, False),
    "os.path.join(os.path.dirname(__file__), '/etc')": None,
    "os.path.join(os.path.dirname(__file__), name)": None,
    "os.path.join(ONCE, 'x')": ("src/train/x", False, True),
    "os.path.join(TWICE, 'x')": None,
    "os.path.join(ITSELF, 'x')": None,
    "os.getcwd()": None,
    "open(__file__)": None,
    "'a' " + "+ 'a' " * 2000: None,
}


@pytest.mark.parametrize("text", VALUES)
def test_what_an_expression_means(text: str) -> None:
    code = f"ONCE = os.path.dirname(__file__)\nTWICE = ONCE\nTWICE = 'x'\nITSELF = os.path.join(ITSELF, 'a')\nvalue = {text}\n"
    source = Source("src/train/main.py", code.encode())
    found = Locator(source, "src/train/main.py").evaluate(source.tree.body[-1].value)  # type: ignore[attr-defined]
    expected = VALUES[text]
    assert found == (Location(*expected) if expected is not None else None)


MOVED = {
    "os.path.dirname(__file__)": "os.path.dirname(__file__)",
    'os.path.join(os.path.dirname(__file__), "loop.py")': 'os.path.join(os.path.dirname(__file__), "loop.py")',
    'os.path.join(os.path.dirname(__file__), "new", "x.txt")': 'os.path.join(os.path.dirname(__file__), "new", "x.txt")',
    'Path(__file__).with_name("model.py")': 'Path(__file__).with_name("model.py")',
    'os.path.join(os.path.dirname(__file__), "..", "config", "paths.yaml")': (
        f'os.path.join({UP5}, "shared_libs", "config", "paths.yaml")'
    ),
    'Path(__file__).parents[1] / "config" / "paths.yaml"': (
        'Path(__file__).resolve().parents[4] / "shared_libs" / "config" / "paths.yaml"'
    ),
    'open(Path(__file__).parent.parent.parent / "README.md")': 'open(Path(__file__).resolve().parents[4] / "README.md")',
    'f"{os.path.dirname(__file__)}/../config/paths.yaml"': f'os.path.join({UP5}, "shared_libs", "config", "paths.yaml")',
    'os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))': UP5,
    '(Path(__file__).parent / ".." / "config").resolve().joinpath("paths.yaml").exists()': (
        '(Path(__file__).resolve().parents[4] / "shared_libs" / "config" / "paths.yaml").exists()'
    ),
    # Relative to the working folder, in parts.
    'os.path.join("src", "config", "paths.yaml")': 'os.path.join("shared_libs", "config", "paths.yaml")',
    'Path("src") / "config" / "paths.yaml"': 'Path("shared_libs", "config", "paths.yaml")',
    'Path("src", "config/paths.yaml")': 'Path("shared_libs", "config", "paths.yaml")',
    'os.path.join("a", "b"), Path("data") / "x"': 'os.path.join("a", "b"), Path("data") / "x"',
}


@pytest.mark.parametrize("text", MOVED)
def test_a_computed_path_means_the_same_file_afterwards(tmp_path: Path, text: str) -> None:
    found = rewritten(tmp_path, f"{HEAD}x = {text}  # ä\n", more={"README.md": "x\n"})
    assert found.contents.decode() == f"{HEAD}x = {MOVED[text]}  # ä\n"
    assert found.mentions == []


REPORTED = {
    "Path(__file__).parents[1]": ("ask", "means src, whose files part"),
    'Path(__file__).resolve().parents[2] / "src"': ("ask", "means src, whose files part"),
    'os.path.join("src", "config")': ("likely", "a path in parts"),
    'os.path.join(FOLDER, "config", "paths.yaml")': ("likely", "a path in parts"),
}


@pytest.mark.parametrize("text", REPORTED)
def test_a_computed_path_that_is_not_sure_is_reported(tmp_path: Path, text: str) -> None:
    code = f'{HEAD}FOLDER = "src"\nx = {text}\n'
    found = rewritten(tmp_path, code)
    assert found.contents.decode() == code
    [mention] = found.mentions
    assert (str(mention.certainty), mention.place.line) == (REPORTED[text][0], 5)
    assert REPORTED[text][1] in mention.why


def test_only_what_is_imported_there_is_used(tmp_path: Path) -> None:
    """A pathlib that a function imports is not at hand outside of it."""
    code = (
        "from os.path import dirname\n\n\ndef f():\n    import os\n    from pathlib import Path as P\n"
        '    return P(__file__).parent.parent / "config"\n\n\nx = dirname(dirname(__file__)) + "/config"\n'
    )
    found = rewritten(tmp_path, code)
    after = 'P(__file__).resolve().parents[4] / "shared_libs" / "config"'
    assert found.contents.decode() == code.replace('P(__file__).parent.parent / "config"', after)
    assert found.said(Certainty.ASK) == ['dirname(dirname(__file__)) + "/config"']
    source = Source("a.py", code.encode())
    assert Spelling.of(source) == Spelling("", "")


HACKS = {
    'sys.path.insert(0, "src")': ["src"],
    'sys.path.append(os.path.join(os.path.dirname(__file__), ".."))': ["src"],
    'sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src" / "common"))': ["src/common"],
    'sys.path.extend(["src", os.path.dirname(__file__)])': ["src", "src/train"],
    'sys.path += ["src"]': ["src"],
    'sys.path[0:0] = ["src", "."]': ["src", ""],
    'sys.path[0] = "src"': ["src"],
    'sys.path = ["src"] + sys.path': ["src"],
    'sys.path = [*sys.path, "src"]': [None, "src"],
    'import sys as s; s.path.insert(0, "src")': ["src"],
    'from sys import path; path.append("src")': ["src"],
    'from sys import path as p; p += ["src"]': ["src"],
    'import site; site.addsitedir("src")': ["src"],
    'sys.path.insert(0, "/Users/coach/mono/src")': [None],
    "sys.path.append(os.getcwd())": [None],
    'os.path.join("src"); path = []; path.append("src"); sys.argv.append("src")': [],
}


@pytest.mark.parametrize("code", HACKS)
def test_every_way_to_change_sys_path_is_seen(tmp_path: Path, code: str) -> None:
    source = Source("src/train/main.py", f"{HEAD}{code}\n".encode())
    inventory = take_inventory(write(tmp_path, MODULES))
    assert [hack.folder for hack in path_hacks(source, inventory)] == HACKS[code]


def test_what_they_put_there_is_an_import_root(tmp_path: Path) -> None:
    for i, code in enumerate(code for code, folders in HACKS.items() if folders == ["src/common"]):
        plan = plan_of(tmp_path / str(i), {**MODULES, "src/train/main.py": f"{HEAD}{code}\nimport storage\n"})
        assert plan.operations.writes["services/training/src/training/main.py"].endswith(
            b"\nimport shared_libs.common.storage as storage\n"
        )
        assert "src/common" in plan.analysis.modules.roots


REMOVED = {
    'sys.path.insert(0, "src")\nx = 1\n': "x = 1\n",
    'sys.path.insert(0, "src")  # gone, too\nx = 1\n': "x = 1\n",
    'sys.path.insert(0, "src"); x = 1\n': "x = 1\n",
    'x = 1; sys.path.append("src")\n': "x = 1; pass\n",
    'if "src" not in sys.path:\n    sys.path.insert(0, "src")\nx = 1\n': "x = 1\n",
    'if "src" not in sys.path: sys.path.insert(0, "src")\nx = 1\n': "x = 1\n",
    'if "src" not in sys.path:\n    sys.path.insert(0, "src")\nelse:\n    x = 1\n': (
        'if "src" not in sys.path:\n    pass\nelse:\n    x = 1\n'
    ),
    'def f():\n    sys.path.insert(0, "src")\n': "def f():\n    pass\n",
    'class A: sys.path.insert(0, "src"); x = 1\n': "class A: x = 1\n",
    'try:\n\tsys.path.insert(0, "src")\nexcept Exception: pass\n': "try:\n\tpass\nexcept Exception: pass\n",
    'with open("x"):\n    sys.path.insert(0, "src")  # why\n    x = 1\n': 'with open("x"):\n    x = 1\n',
    'SRC = os.path.dirname(os.path.dirname(__file__))\nsys.path.insert(0, SRC)\n': (
        "SRC = os.path.dirname(os.path.dirname(__file__))\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", REMOVED)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_root_that_is_no_more_is_taken_off_sys_path(tmp_path: Path, code: str, newline: str) -> None:
    found = rewritten(tmp_path, (HEAD + code).replace("\n", newline))
    assert found.contents.decode() == (HEAD + REMOVED[code]).replace("\n", newline)
    assert found.mentions == []


@pytest.mark.parametrize(
    "code",
    [
        'x = sys.path.insert(0, "src")\n',
        'lambda: sys.path.append("src")\n',
        'sys.path += ["src"]\n',
        'sys.path[0:0] = ["src"]\n',
    ],
)
def test_a_change_of_sys_path_that_does_more_is_left_and_reported(tmp_path: Path, code: str) -> None:
    found = rewritten(tmp_path, HEAD + code)
    assert found.contents.decode() == HEAD + code
    assert [mention.certainty for mention in found.mentions] == [Certainty.ASK]


def test_a_program_gets_the_roots_that_it_needs(tmp_path: Path) -> None:
    code = f"{HEAD}sys.path.insert(0, str(Path(__file__).parent.parent))\nfrom common import storage\nimport train.loop\nif __name__ == '__main__':\n    train.loop.run()\n"
    found = rewritten(tmp_path, code)
    assert found.contents.decode() == (
        f"{HEAD}sys.path.insert(0, str(Path(__file__).resolve().parents[1]))\n"
        "sys.path.insert(0, str(Path(__file__).resolve().parents[4]))\n"
        "from shared_libs.common import storage\nimport training.loop\nif __name__ == '__main__':\n    training.loop.run()\n"
    )


def test_a_root_that_still_holds_modules_stays_on_sys_path(tmp_path: Path) -> None:
    mapping = MAPPING.replace('leave = ["*"]', 'leave = ["*", "src/old.py"]')
    code = f'{HEAD}sys.path.insert(0, "src")\nimport old\n'
    found = rewritten(tmp_path, code, mapping=mapping, more={"src/old.py": "x = 1\n"})
    assert found.contents.decode() == code


@pytest.mark.parametrize(
    "use",
    [
        "env['PYTHONPATH'] = os.pathsep.join([above, env.get('PYTHONPATH', '')])\n",
        "env['PYTHONPATH'] = above\n",
    ],
)
def test_what_becomes_the_pythonpath_of_a_program_leads_to_the_new_root(tmp_path: Path, use: str) -> None:
    code = HEAD + "env = dict(os.environ)\nabove = os.path.dirname({})\n" + use
    up2 = "os.path.dirname(os.path.dirname(os.path.abspath(__file__)))"
    found = rewritten(tmp_path, code.format(up2))
    assert found.contents.decode() == code.replace("os.path.dirname({})", up2)  # services/training/src, not the root


def test_an_import_root_that_is_no_pythonpath_still_means_the_same_folder(tmp_path: Path) -> None:
    code = HEAD + "above = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), 'data.txt')\n"
    found = rewritten(tmp_path, code, more={"data.txt": ""})
    assert UP5 in found.contents.decode()


def test_a_folder_of_the_tests_stays_on_sys_path(tmp_path: Path) -> None:
    code = f"{HEAD}from src.train import model\nsys.path.append(os.path.join(os.path.dirname(__file__), 'path'))\nimport odd\n"
    found = rewritten(tmp_path, code, path="tests/test_odd.py", more={"tests/path/odd.py": "x = 1\n"})
    assert found.contents.decode() == code.replace("src.train", "training")
