"""Strings that name modules and paths: which are rewritten, which are only reported, and which are left alone."""

# ruff: noqa: E501 – code before and after, each in one line

from pathlib import Path

import pytest

from migrate.model import Certainty
from migrate.testing.building import MAPPING, rewritten

PARTED = MAPPING.replace('"src/track/**"]', '"src/track/**", "src/common/player.py"]')
#: What the code below may need; the imports decide what `files(…)` is.
HEAD = (
    "import importlib, importlib.util, importlib.resources, os, pkgutil, pytest, runpy, subprocess, sys, textwrap, uvicorn\n"
    "import importlib.resources as ir\nfrom importlib import import_module, resources\nfrom importlib.resources import files\n"
    "from pathlib import Path\nfrom unittest import mock\nfrom unittest.mock import patch\n"
)

CERTAIN = {
    'patch("src.common.storage.save")': 'patch("shared_libs.common.storage.save")',
    'patch("common.storage.save", 1)': 'patch("shared_libs.common.storage.save", 1)',
    "@mock.patch(target='train.loop.run')\ndef f(): ...": "@mock.patch(target='training.loop.run')\ndef f(): ...",
    'mocker.patch("common.storage.save")': 'mocker.patch("shared_libs.common.storage.save")',
    'patch.multiple("common.storage", save=1)': 'patch.multiple("shared_libs.common.storage", save=1)',
    'patch.dict("src.config.settings.PATH", {"config": 1})': 'patch.dict("shared_libs.config.settings.PATH", {"config": 1})',
    'patch.dict("sys.modules", {"common.fast": 1, "common": 2})': (
        'patch.dict("sys.modules", {"shared_libs.common.fast": 1, "shared_libs.common": 2})'
    ),
    'patch.dict(in_dict=sys.modules, values={"train": 1})': 'patch.dict(in_dict=sys.modules, values={"training": 1})',
    'mocker.patch.dict("sys.modules", **{"train.x": 1})': 'mocker.patch.dict("sys.modules", **{"training.x": 1})',
    'monkeypatch.setattr("common.storage.save", 1)': 'monkeypatch.setattr("shared_libs.common.storage.save", 1)',
    'mp.delattr(target="common.storage.save")': 'mp.delattr(target="shared_libs.common.storage.save")',
    'monkeypatch.setitem(sys.modules, "common.fast", 1)': 'monkeypatch.setitem(sys.modules, "shared_libs.common.fast", 1)',
    'monkeypatch.delitem(sys.modules, "train", raising=False)': 'monkeypatch.delitem(sys.modules, "training", raising=False)',
    'sys.modules["train"] = sys.modules.pop("train.model", "train")': (
        'sys.modules["training"] = sys.modules.pop("training.model", "train")'
    ),
    'sys.modules.update({"train": 1})': 'sys.modules.update({"training": 1})',
    '"src.train.model" in sys.modules': '"training.model" in sys.modules',
    'for name in ("train", "common.fast"): del sys.modules[name]': (
        'for name in ("training", "shared_libs.common.fast"): del sys.modules[name]'
    ),
    'pytest.importorskip("train.model")': 'pytest.importorskip("training.model")',
    'pytest.importorskip(modname="train")': 'pytest.importorskip(modname="training")',
    'pytest_plugins = ["src.train.loop", "train.model"]': 'pytest_plugins = ["training.loop", "training.model"]',
    'pytest_plugins = "src.train.loop"': 'pytest_plugins = "training.loop"',
    'import_module("train.model")': 'import_module("training.model")',
    'importlib.import_module(name="train")': 'importlib.import_module(name="training")',
    'import_module(".storage", package="src.common")': 'import_module(".storage", package="shared_libs.common")',
    'import_module(".storage", "common")': 'import_module(".storage", "shared_libs.common")',
    '__import__("common.storage")': '__import__("shared_libs.common.storage")',
    'x = __import__("common.storage", fromlist=["a"])': 'x = __import__("shared_libs.common.storage", fromlist=["a"])',
    'x = __import__("common", {}, {}, ["storage"])': 'x = __import__("shared_libs.common", {}, {}, ["storage"])',
    'importlib.util.find_spec("src.train.loop")': 'importlib.util.find_spec("training.loop")',
    'from importlib import import_module as load\nload("train.loop")': (
        'from importlib import import_module as load\nload("training.loop")'
    ),
    'runpy.run_module("train.loop")': 'runpy.run_module("training.loop")',
    'files("config") / "paths.yaml"': 'files("shared_libs.config") / "paths.yaml"',
    'resources.files("src.config")': 'resources.files("shared_libs.config")',
    'ir.files("config")': 'ir.files("shared_libs.config")',
    'importlib.resources.path("config", "paths.yaml")': 'importlib.resources.path("shared_libs.config", "paths.yaml")',
    'pkgutil.get_data("config", "paths.yaml")': 'pkgutil.get_data("shared_libs.config", "paths.yaml")',
    'uvicorn.run("src.train.loop:app")': 'uvicorn.run("training.loop:app")',
    'uvicorn.run(app="train.loop:app")': 'uvicorn.run(app="training.loop:app")',
    'x = "src.train.loop:app"': 'x = "training.loop:app"',
    'setup(entry_points={"console_scripts": ["mono = src.train.loop:run", "x=train.loop:run [y]", "z = os:x"]})': (
        'setup(entry_points={"console_scripts": ["mono = training.loop:run", "x=training.loop:run [y]", "z = os:x"]})'
    ),
    'subprocess.run([sys.executable, "-m", "train"])': 'subprocess.run([sys.executable, "-m", "training"])',
    'subprocess.run(["/usr/bin/python3.11", "-u", "-m", "train.loop", "-m", "x"])': (
        'subprocess.run(["/usr/bin/python3.11", "-u", "-m", "training.loop", "-m", "x"])'
    ),
    'subprocess.run(["coverage", "run", "-m", "src.train.loop"])': 'subprocess.run(["coverage", "run", "-m", "training.loop"])',
    'os.system("python -m src.train.loop --x 1 && python3 -u -m train && git commit -m train")': (
        'os.system("python -m training.loop --x 1 && python3 -u -m training && git commit -m train")'
    ),
    'subprocess.run([sys.executable, "-c", "import src.train.loop; src.train.loop.run()"])': (
        'subprocess.run([sys.executable, "-c", "import training.loop; training.loop.run()"])'
    ),
    'subprocess.run([sys.executable, "-c", "import common, sys\\nfrom train.loop import run\\nprint(common.storage, \\"x\\")"])': (
        'subprocess.run([sys.executable, "-c",'
        ' "import shared_libs.common as common, sys\\nfrom training.loop import run\\nprint(common.storage, \\"x\\")"])'
    ),
    'subprocess.run([sys.executable, "-c", "import os; é = 1; " # and\n   \'from train.loop import run; run("é")\'])': (
        'subprocess.run([sys.executable, "-c", "import os; é = 1; " # and\n   \'from training.loop import run; run("é")\'])'
    ),
    'exec("from common import storage; import src.train.model as m")': (
        'exec("from shared_libs.common import storage; import training.model as m")'
    ),
    'exec(compile("import common.storage", "x", "exec"))': 'exec(compile("import shared_libs.common.storage", "x", "exec"))',
    'exec(textwrap.dedent("""\n    import common.storage\n    common.storage.save()\n"""))': (
        'exec(textwrap.dedent("""\n    import shared_libs.common.storage\n    shared_libs.common.storage.save()\n"""))'
    ),
    'patch(f"src.common.storage.{x}")': 'patch(f"shared_libs.common.storage.{x}")',
    'patch(rf"src.common.{x}.save")': 'patch(rf"shared_libs.common.{x}.save")',
    'patch("src.common.storage." + x)': 'patch("shared_libs.common.storage." + x)',
    'patch("src.common.%s.save" % x)': 'patch("shared_libs.common.%s.save" % x)',
    'patch("src.common.{}.save".format(x))': 'patch("shared_libs.common.{}.save".format(x))',
    'import_module(f"common.{x}")': 'import_module(f"shared_libs.common.{x}")',
    'import_module("train." + x)': 'import_module("training." + x)',
    'patch(r"src.common.storage.save")': 'patch(r"shared_libs.common.storage.save")',
    "patch('''src.common.storage.save''')": "patch('''shared_libs.common.storage.save''')",
    'patch(u"common.storage.save")': 'patch(u"shared_libs.common.storage.save")',
    'patch("src.common.storage"\n    ".save")': 'patch("shared_libs.common.storage"\n    ".save")',
    'patch("src.common." "storage.save")': 'patch("shared_libs.common." "storage.save")',
    'patch("src." # one\n  r"common.sto" "rage.save")': 'patch("shared_libs." # one\n  r"common.sto" "rage.save")',
    'patch("src.\\x63ommon.storage.s\\u0061ve")': 'patch("shared_libs.\\x63ommon.storage.s\\u0061ve")',
    'patch("common.storage.s\\\nave")': 'patch("shared_libs.common.storage.s\\\nave")',
    'M = "src.common.storage"\npatch(f"{M}.save"), patch(M + ".save"), patch("%s.save" % M), patch("{}.x".format(M))': (
        'M = "shared_libs.common.storage"\n'
        'patch(f"{M}.save"), patch(M + ".save"), patch("%s.save" % M), patch("{}.x".format(M))'
    ),
    'def f():\n    T = "src.train.loop.run"\n    with patch(T, 1): pass': (
        'def f():\n    T = "training.loop.run"\n    with patch(T, 1): pass'
    ),
    'open("src/config/paths.yaml")': 'open("shared_libs/config/paths.yaml")',
    'open("./src/config/paths.yaml")': 'open("./shared_libs/config/paths.yaml")',
    'open("src/common/../config/paths.yaml")': 'open("shared_libs/config/paths.yaml")',
    'subprocess.run(["python", "src/train/loop.py"])': 'subprocess.run(["python", "services/training/src/training/loop.py"])',
}


@pytest.mark.parametrize("code", CERTAIN)
def test_a_string_that_is_sure_to_name_a_module_or_a_file_is_rewritten(tmp_path: Path, code: str) -> None:
    found = rewritten(tmp_path, f"{HEAD}{code}\n")
    assert found.contents.decode() == f"{HEAD}{CERTAIN[code]}\n"
    assert found.mentions == []


LEFT = [
    'x = ["config", "train", "common", "model"]',
    'f("train", config="config", common="train")',
    'client.patch("config"); client.files("config"); page.locate("train"); r.patch("train")',
    'monkeypatch.setattr(sys, name="config", value=1); monkeypatch.setattr(sys, "train", 1)',
    'setattr(x, "config", "train"); getattr(x, "common")',
    'subprocess.run(["pytest", "-m", "train"]); subprocess.run([sys.executable, "-m", "pytest", "-m", "train"])',
    'subprocess.run(["git", "commit", "-m", "config"]); subprocess.run("git commit -m config")',
    'x = "config.yaml", "train.log", "common.py", "config.json"',
    'x = "train.loss", "common.storage.nothing", "config.nothing"',
    'x = "train/loss", "config/x", "common/storage", "a/b/c.py"',
    'f"train.{x}"; f"train loss {x}"; "train.%s" % x; f"{x} src.common.storage"',
    'f"{x}.common.storage"; import_module(f"{x}.common"); import_module(".model", package=__name__)',
    'import_module(".model", __package__); import_module("os.path"); patch("os.getcwd"); patch("json.loads")',
    'x = "train:val", "config:nothing"; run("config:missing")',
    'x = "please import common from there", "import", "from here"',
    'logging.getLogger("common"); logging.getLogger(__name__)',
    'x = "https://example.org/src/config/paths.yaml", "/src/config/paths.yaml"',
    'x = b"src.train.model"; patch(b"src.train.model.Model")',
    '"""src.train.model"""',
    "x: Literal['train'] = 'train'",
    "x = 'src', 'src/'",
    "# patch('src.train.model.Model')",
]


@pytest.mark.parametrize("code", LEFT)
def test_plain_words_and_other_peoples_names_are_left_alone_and_not_reported(tmp_path: Path, code: str) -> None:
    found = rewritten(tmp_path, f"{HEAD}{code}\n")
    assert found.contents.decode() == f"{HEAD}{code}\n"
    assert found.mentions == []


#: code -> what is reported of it, with its certainty. The code stays.
REPORTED = {
    'x = __import__("common.storage")': [("ask", "common.storage", "shared_libs.common.storage")],
    'x = __import__("common").storage': [("ask", "common", "shared_libs.common")],
    'patch(f"src.{x}"); patch("src.{}.save".format(x)); import_module("src." + x); import_module("src")': [
        ("ask", "src", "")
    ]
    * 4,
    'f("src.common." + x); f(f"src.common.{x}")': [("ask", "src.common", "shared_libs.common")] * 2,
    'patch("src.common.sto" "rage.save", "tr" "ain.mo" "del.Model")': [("ask", "train.model", "training.model")],
    'subprocess.run([tool, "-m", "train"])': [("ask", "train", "training")],
    'f"{sys.executable} -m src.train.loop"': [("ask", "src.train.loop", "training.loop")],
    'T = """from common.storage import save\nimport train.model\n"""': [
        ("ask", "common.storage", "shared_libs.common.storage")
    ],
    'logging.getLogger("src.common.storage"); logging.getLogger(name="common.storage")': [
        ("stored", "src.common.storage", "shared_libs.common.storage"),
        ("stored", "common.storage", "shared_libs.common.storage"),
    ],
    'logging.getLogger(f"src.common.{x}")': [("stored", "src.common", "shared_libs.common")],
    'self.assertLogs("src.common.storage", level=1)': [("stored", "src.common.storage", "shared_libs.common.storage")],
    'C = {"loggers": {"src.common.storage": {}}}': [("stored", "src.common.storage", "shared_libs.common.storage")],
    'C = {"model": "src.train.model"}': [("stored", "src.train.model", "training.model")],
    'NAME = "src.train.model"': [("stored", "src.train.model", "training.model")],
    'def f(x="src.train.model"): ...': [("stored", "src.train.model", "training.model")],
    'f(model="src.train.model")': [("stored", "src.train.model", "training.model")],
    'B = "src.train.model.Model"\npatch(B), print(B)': [("stored", "src.train.model", "training.model")],
    'f("src.train.model", ["src.train.model.Model"])': [("likely", "src.train.model", "training.model")] * 2,
    'C = {"src.train.model": 1}': [("likely", "src.train.model", "training.model")],
    'f("config.level")': [("ask", "config", "shared_libs.config")],
    'x = "config:level"': [("likely", "config", "shared_libs.config")],
    'open("src/config"), f("src/config/")': [
        ("likely", "src/config", "shared_libs/config"),
        ("likely", "src/config/", "shared_libs/config/"),
    ],
    'ROOT / "src/config/paths.yaml"': [("likely", "src/config/paths.yaml", "shared_libs/config/paths.yaml")],
    'os.path.join(ROOT, "src/config/paths.yaml")': [
        ("likely", "src/config/paths.yaml", "shared_libs/config/paths.yaml")
    ],
    'ROOT + "/src/config/paths.yaml"': [("likely", "/src/config/paths.yaml", "/shared_libs/config/paths.yaml")],
    'f"{ROOT}/src/config/paths.yaml"': [("ask", "src/config/paths.yaml", "shared_libs/config/paths.yaml")],
    'tmp_path / "src/config/paths.yaml"': [("ask", "src/config/paths.yaml", "shared_libs/config/paths.yaml")],
    'f"src/config/{x}.yaml"': [("likely", "src/config", "shared_libs/config")],
    '"src/config/*.yaml", "src/config/%s.yaml" % x': [("likely", "src/config", "shared_libs/config")] * 2,
    'open("src/train/out.pt", "w")': [("likely", "src/train", "services/training/src/training")],
    'glob("src/**/*.py")': [("ask", "src/**/*.py", "")],
    'os.system("python src/train/loop.py --x")': [
        ("likely", "src/train/loop.py", "services/training/src/training/loop.py")
    ],
    'print("see src/config/paths.yaml.")': [("ask", "src/config/paths.yaml", "shared_libs/config/paths.yaml")],
    'x = "usage:\\n  python ./src/train/loop.py\\n"': [
        ("ask", "./src/train/loop.py", "./services/training/src/training/loop.py")
    ],
    'x = "../src/config/paths.yaml"': [("ask", "../src/config/paths.yaml", "")],
    'x = "src\\\\config\\\\paths.yaml"': [("ask", "src\\config\\paths.yaml", "")],
    'x = "/Users/coach/mono/src"': [("ask", "/Users/coach/mono/src", "")],
}


@pytest.mark.parametrize("code", REPORTED)
def test_what_is_not_sure_is_reported_and_left(tmp_path: Path, code: str) -> None:
    found = rewritten(tmp_path, f"{HEAD}{code}\n")
    if "rage.save" not in code:  # there, one part can be rewritten and one cannot
        assert found.contents.decode() == f"{HEAD}{code}\n"
    said = sorted((str(m.certainty), m.text, m.new_text) for m in found.mentions)
    assert said == sorted(REPORTED[code])


def test_likely_strings_are_rewritten_when_the_user_accepts_them(tmp_path: Path) -> None:
    code = 'f("src.train.model", "src/config", f"src/config/{x}.yaml"); x = "config:level"\nlogging.getLogger("src.train.loop")\n'
    found = rewritten(tmp_path, code, accept_likely=True)
    after = code.replace('"src.train.model"', '"training.model"').replace("src/config", "shared_libs/config")
    assert found.contents.decode() == after.replace("config:level", "shared_libs.config:level")
    assert [m.certainty for m in found.mentions] == [Certainty.STORED]


def test_the_mapping_decides_line_by_line(tmp_path: Path) -> None:
    mapping = MAPPING + '\n[strings]\nrewrite = ["src/train/main.py:1"]\nkeep = ["src/train/main.py:2"]\n'
    code = 'NAME = "src.train.model"\npatch("src.train.model.Model")\npatch("src.train.model.Model")\n'
    after = 'NAME = "training.model"\npatch("src.train.model.Model")\npatch("training.model.Model")\n'
    found = rewritten(tmp_path, code, mapping=mapping)
    assert found.contents.decode() == after
    assert found.mentions == []


def test_a_name_reached_through_a_changed_import_is_reported(tmp_path: Path) -> None:
    """`import common.storage` in loop.py binds `common` there; afterwards it binds `shared_libs`."""
    more: dict[str, str | bytes] = {"src/train/uses.py": "import common.storage\nx = common.storage.value\n"}
    code = 'patch("src.train.uses.common.storage.save")\npatch("src.train.uses.x")\n'
    found = rewritten(tmp_path, code, more=more)
    assert found.contents.decode() == code.replace("src.train.uses.x", "training.uses.x")
    assert found.said(Certainty.ASK) == ["src.train.uses"]


def test_a_relative_import_module_of_what_leaves_the_package_is_reported(tmp_path: Path) -> None:
    code = (
        'from importlib import import_module\nimport_module(".player", __name__)\nimport_module(".storage", __name__)\n'
        'import_module(".player", "src.common")\n'
    )
    found = rewritten(tmp_path, code, "src/common/__init__.py", PARTED)
    assert found.contents.decode() == code.replace('"src.common"', '"shared_libs.common"')
    assert [(m.place.line, m.text, m.certainty) for m in found.mentions] == [
        (2, ".player", Certainty.ASK), (4, ".player", Certainty.ASK),
    ]  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_the_bytes_around_a_string_stay(tmp_path: Path, newline: str, prefix: str) -> None:
    code = f'{prefix}x = """ä\n€"""; patch("src.common.storage.save"); y = "ß"\n\tz\n'.replace("\n\tz", "").replace(
        "\n", newline
    )
    found = rewritten(tmp_path, code.encode())
    assert found.contents == code.replace("src.common", "shared_libs.common").encode()


def test_a_program_text_with_other_line_ends_is_rewritten(tmp_path: Path) -> None:
    code = 'exec("""\r\nimport common.storage\r\ncommon.storage.save()\r\n""")\r\n'
    found = rewritten(tmp_path, code)
    assert found.contents.decode() == code.replace("common.storage", "shared_libs.common.storage")


def test_text_that_no_encoding_has_is_no_obstacle(tmp_path: Path) -> None:
    code = 'x = "\\ud800"; patch("src.common.storage.save"); y = "\\N{SNOWMAN}src.common.storage", "\\u2603/a"\n'
    found = rewritten(tmp_path, b"# coding: latin-1\n" + code.encode("latin-1"))
    assert found.contents.decode("latin-1") == "# coding: latin-1\n" + code.replace('("src.', '("shared_libs.')
