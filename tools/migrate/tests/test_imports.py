"""Every form of an import, and of a use of what it binds: the bytes before and after the move."""

# ruff: noqa: E501 – code before and after, each in one line

from pathlib import Path

import pytest

from migrate.model import Certainty
from migrate.testing.building import MAPPING, MODULES, plan_of, result_of, rewritten

#: src/common/player.py goes to tracking, away from its package.
PARTED = MAPPING.replace('"src/track/**"]', '"src/track/**", "src/common/player.py"]')
FLAT = MAPPING.replace('package = "training"', 'style = "flat"')

FORMS = {
    "absolute": ("from src.common.storage import save\n", "from shared_libs.common.storage import save\n"),
    "bare": ("from common.storage import save\n", "from shared_libs.common.storage import save\n"),
    "bare package": ("from common import storage\n", "from shared_libs.common import storage\n"),
    "own package": ("from src.train.model import Model\n", "from training.model import Model\n"),
    "own package, bare": ("from train import model, loop\n", "from training import model, loop\n"),
    "with another name": (
        "from src.common.storage import save as s, value\n",
        "from shared_libs.common.storage import save as s, value\n",
    ),
    "star": ("from common.storage import *\n", "from shared_libs.common.storage import *\n"),
    "a package that is renamed": ("from src import train\n", "import training as train\n"),
    "a folder without init": ("from src import track as t\n", "import tracking as t\n"),
    "one dot": (
        "from .model import Model\nfrom . import model, loop\n",
        "from .model import Model\nfrom . import model, loop\n",
    ),
    "two dots": (
        "from .. import common\nfrom ..common import storage\nfrom ..common.storage import save\n",
        "from shared_libs import common\nfrom shared_libs.common import storage\n"
        "from shared_libs.common.storage import save\n",
    ),
    "three dots": ("from ...src.common import player\n", "from shared_libs.common import player\n"),
    "unusual blanks": (
        "from  .  model  import  Model\nfrom.model import(Model)\nfrom src . common . storage import save\n"
        "from src.common.storage import\tsave\nfrom src.common.\\\n    storage import save, \\\n    value\n"
        "from src.common.storage import(save)\nfrom src.common.storage import*\n"
        "from ..common.storage import(save)\nfrom..common.storage import(save)\nfrom .. common import storage\n",
        "from  .  model  import  Model\nfrom.model import(Model)\nfrom shared_libs.common.storage import save\n"
        "from shared_libs.common.storage import\tsave\nfrom shared_libs.common.storage import save, \\\n    value\n"
        "from shared_libs.common.storage import(save)\nfrom shared_libs.common.storage import*\n"
        "from shared_libs.common.storage import(save)\nfrom shared_libs.common.storage import(save)\n"
        "from shared_libs.common import storage\n",
    ),
    "one line": (
        "import os; from src.train import model; print(model)\nif os: from src.common import storage\n"
        "else: from src.common import player as storage\nwhile 0: import src.config.settings\n",
        "import os; from training import model; print(model)\nif os: from shared_libs.common import storage\n"
        "else: from shared_libs.common import player as storage\nwhile 0: import shared_libs.config.settings\n",
    ),
    "nested, with tabs": (
        "class A:\n\tfrom common import storage\n\tdef f(self):\n\t\tfrom common.player import kind\n\t\treturn kind\n",
        "class A:\n\tfrom shared_libs.common import storage\n\tdef f(self):\n"
        "\t\tfrom shared_libs.common.player import kind\n\t\treturn kind\n",
    ),
    "in a try, whose first does not exist": (
        "try:\n    from src.common.fast import save\nexcept (ImportError, AttributeError):\n"
        "    from src.common.storage import save\n",
        "try:\n    from shared_libs.common.fast import save\nexcept (ImportError, AttributeError):\n"
        "    from shared_libs.common.storage import save\n",
    ),
    "both names of a module": (
        "try:\n    from src.common.storage import save\nexcept ImportError:\n    from common.storage import save\n",
        "try:\n    from shared_libs.common.storage import save\nexcept ImportError:\n"
        "    from shared_libs.common.storage import save\n",
    ),
    "modules that do not exist": (
        "from ..common.missing import z\nfrom .missing import x\nimport src.train.missing\nimport common.fast as fast\n"
        "from common import nothing\nimport common.slow\ncommon.slow.go()\n",
        "from shared_libs.common.missing import z\nfrom .missing import x\nimport training.missing\n"
        "import shared_libs.common.fast as fast\nfrom shared_libs.common import nothing\nimport shared_libs.common.slow\n"
        "shared_libs.common.slow.go()\n",
    ),
    "after __future__": (
        '"""Doc.\n\nimport common.storage\n"""\nfrom __future__ import annotations\nfrom src import common, train\n',
        '"""Doc.\n\nimport common.storage\n"""\nfrom __future__ import annotations\nfrom shared_libs import common\n'
        "import training as train\n",
    ),
    "names that part": (
        "from src import common, config, track; x = 1\nfrom src import common, train  # both\n",
        "from shared_libs import common, config; import tracking as track; x = 1\n"
        "from shared_libs import common  # both\nimport training as train\n",
    ),
    "names that part, in one line's block": (
        "try: from src import common, train\nexcept ImportError: common = train = None\nif 1: \\\n    from src import common, train\n",
        "try: from shared_libs import common; import training as train\nexcept ImportError: common = train = None\n"
        "if 1: \\\n    from shared_libs import common; import training as train\n",
    ),
    "no newline at the end": (
        "from src import common, train",
        "from shared_libs import common\nimport training as train",
    ),
    "dotted": (
        "import src.common.storage, os, src.track.steps as st\nprint(src.common.storage.save(), st, os)\n",
        "import shared_libs.common.storage, os, tracking.steps as st\nprint(shared_libs.common.storage.save(), st, os)\n",
    ),
    "dotted, and used in every way": (
        "import common.storage, common.player\n@common.storage.save\n"
        "def f(a=common.storage.value, *, b: common.storage.Store = None) -> common.storage.Store:\n"
        "    with common.storage as x, open(common.storage.value) as common.storage.y: pass\n"
        "    for common.storage.z in (): pass\n    common.storage.value: int = 3\n    common.storage.value += 1\n"
        "    async def g():\n        await common.storage.save()\n"
        "    return [common.storage.value for a in common.storage.value if common.player.kind]\n"
        "class A(common.storage.Store, key=common.player): pass\n"
        "match common.storage:\n    case common.storage.Store(): pass\n    case common.player.kind: pass\n"
        "print((n := common.storage), lambda: common.storage, *common.storage.value, **common.storage.value)\n",
        "import shared_libs.common.storage, shared_libs.common.player\n@shared_libs.common.storage.save\n"
        "def f(a=shared_libs.common.storage.value, *, b: shared_libs.common.storage.Store = None)"
        " -> shared_libs.common.storage.Store:\n"
        "    with shared_libs.common.storage as x, open(shared_libs.common.storage.value) as shared_libs.common.storage.y: pass\n"
        "    for shared_libs.common.storage.z in (): pass\n    shared_libs.common.storage.value: int = 3\n"
        "    shared_libs.common.storage.value += 1\n"
        "    async def g():\n        await shared_libs.common.storage.save()\n"
        "    return [shared_libs.common.storage.value for a in shared_libs.common.storage.value"
        " if shared_libs.common.player.kind]\n"
        "class A(shared_libs.common.storage.Store, key=shared_libs.common.player): pass\n"
        "match shared_libs.common.storage:\n    case shared_libs.common.storage.Store(): pass\n"
        "    case shared_libs.common.player.kind: pass\n"
        "print((n := shared_libs.common.storage), lambda: shared_libs.common.storage,"
        " *shared_libs.common.storage.value, **shared_libs.common.storage.value)\n",
    ),
    "dotted, spelled unusually": (
        "import common.storage\ny = common . storage . value\nz = (common).storage.value\nv = (common.\n    storage).value\n",
        "import shared_libs.common.storage\ny = shared_libs.common.storage . value\nz = shared_libs.common.storage.value\n"
        "v = (shared_libs.common.storage).value\n",
    ),
    "dotted, in f-strings": (
        'import common.storage\nx = f"{common.storage.save()} common.storage {common.storage.value!r:>{common.storage.value}}"\n'
        'y = f"""common.storage\n  {common.storage.save()}\n""" "common.storage" f"{{common.storage}}{common.storage.value}"\n',
        'import shared_libs.common.storage\nx = f"{shared_libs.common.storage.save()} common.storage '
        '{shared_libs.common.storage.value!r:>{shared_libs.common.storage.value}}"\n'
        'y = f"""common.storage\n  {shared_libs.common.storage.save()}\n""" "common.storage"'
        ' f"{{common.storage}}{shared_libs.common.storage.value}"\n',
    ),
    "dotted, in annotations that are strings": (
        "from typing import cast, Literal, TypeVar\nimport common.storage\n"
        'T = TypeVar("T", bound="common.storage.Store")\n'
        "def f(x: list[\"common.storage.Store\"], **k: \"dict[str, 'common.storage.Store']\") -> 'common.storage.Store | None':\n"
        '    y: "common.storage.Store" = cast("common.storage.Store", x)\n    return y\n',
        "from typing import cast, Literal, TypeVar\nimport shared_libs.common.storage\n"
        'T = TypeVar("T", bound="shared_libs.common.storage.Store")\n'
        'def f(x: list["shared_libs.common.storage.Store"], **k: "dict[str, \'shared_libs.common.storage.Store\']")'
        " -> 'shared_libs.common.storage.Store | None':\n"
        '    y: "shared_libs.common.storage.Store" = cast("shared_libs.common.storage.Store", x)\n    return y\n',
    ),
    "dotted, under TYPE_CHECKING": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import common.storage\n"
        'def f(x: "common.storage.Store"): ...\n',
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import shared_libs.common.storage\n"
        'def f(x: "shared_libs.common.storage.Store"): ...\n',
    ),
    "dotted, with another name": (
        "import common.storage as s, src.train.model as m\nprint(s.value, m.Model)\n",
        "import shared_libs.common.storage as s, training.model as m\nprint(s.value, m.Model)\n",
    ),
    "dotted, and assigned to": (
        "import common.storage\ncommon.storage.value = 3\ncommon.storage = 5\ndel common.storage.value\n",
        "import shared_libs.common.storage\nshared_libs.common.storage.value = 3\nshared_libs.common.storage = 5\n"
        "del shared_libs.common.storage.value\n",
    ),
    "dotted, with a use of what somebody else loads": (
        "import src.train.model\nprint(src.train.model.Model, src.common.storage)\n",
        "import training.model, shared_libs.common.storage\nprint(training.model.Model, shared_libs.common.storage)\n",
    ),
    "plain": (
        "import common\nimport train, os\nprint(common.storage.save(), train.loop, os)\n",
        "import shared_libs.common as common\nimport training as train, os\nprint(common.storage.save(), train.loop, os)\n",
    ),
    "plain and dotted": (
        "import common\nimport common.storage\nprint(common.storage, common)\n",
        "import shared_libs.common as common\nimport shared_libs.common.storage\nprint(common.storage, common)\n",
    ),
    "a folder that is no more": (
        "import src\nprint(src.common.storage, src.track.steps.step())\n",
        "import shared_libs.common.storage, tracking.steps\nprint(shared_libs.common.storage, tracking.steps.step())\n",
    ),
    "shadowed": (
        "import common.storage\ndef f(common): return common.storage\ndef g():\n    common = f\n    return common.storage\n"
        "[common.storage for common in ()]\nlambda common: common.storage\n"
        "def h():\n    for common in (): common.storage\n    return lambda: common.storage\n"
        "def i():\n    try: pass\n    except OSError as common: common.storage\n"
        "def j(x):\n    match x:\n        case {'a': 1, **common}: common.storage\n        case [*common]: common.storage\n"
        "class K:\n    def common(self): return common.storage\n",
        "import shared_libs.common.storage\ndef f(common): return common.storage\ndef g():\n    common = f\n"
        "    return common.storage\n[common.storage for common in ()]\nlambda common: common.storage\n"
        "def h():\n    for common in (): common.storage\n    return lambda: common.storage\n"
        "def i():\n    try: pass\n    except OSError as common: common.storage\n"
        "def j(x):\n    match x:\n        case {'a': 1, **common}: common.storage\n        case [*common]: common.storage\n"
        "class K:\n    def common(self): return shared_libs.common.storage\n",
    ),
    "bound anew": (
        "import common.storage\ncommon = common or 5\nprint(common.storage)\n",
        "import shared_libs.common.storage, shared_libs.common as common\ncommon = common or 5\nprint(common.storage)\n",
    ),
    "bound anew by a walrus in a comprehension": (
        "import common.storage\nprint(common.storage)\n[(common := 3) for _ in ()]\n",
        "import shared_libs.common.storage, shared_libs.common as common\nprint(common.storage)\n[(common := 3) for _ in ()]\n",
    ),
    "bound anew where it is missing": (
        "try:\n    import common.storage\nexcept ImportError:\n    common = None\nif common: print(common.storage)\n",
        "try:\n    import shared_libs.common.storage, shared_libs.common as common\nexcept ImportError:\n    common = None\n"
        "if common: print(common.storage)\n",
    ),
    "bound anew by a class's body": (
        "import common.storage\nclass A:\n    common = common.storage\n",
        "import shared_libs.common.storage, shared_libs.common as common\nclass A:\n    common = common.storage\n",
    ),
    "deleted": (
        "import common.storage\nprint(common.storage)\ndel common\n",
        "import shared_libs.common.storage, shared_libs.common as common\nprint(common.storage)\ndel common\n",
    ),
    "plain, deleted, and dotted": (
        "import common\nimport common.storage\ndel common\nimport common.player, common\nimport common.storage\n",
        "import shared_libs.common as common\nimport shared_libs.common.storage, shared_libs.common as common\ndel common\n"
        "import shared_libs.common.player, shared_libs.common as common\n"
        "import shared_libs.common.storage, shared_libs.common as common\n",
    ),
    "global": (
        "def f():\n    global common\n    import common.storage\nf()\nprint(common.storage)\n",
        "def f():\n    global common\n    import shared_libs.common.storage as common_storage, shared_libs.common as common\n"
        "f()\nprint(common.storage)\n",
    ),
    "nonlocal": (
        "def f():\n    common = None\n    def g():\n        nonlocal common\n        import common.storage\n    g()\n"
        "    return common.storage\n",
        "def f():\n    common = None\n    def g():\n        nonlocal common\n"
        "        import shared_libs.common.storage as common_storage, shared_libs.common as common\n    g()\n"
        "    return common.storage\n",
    ),
    "in a class": (
        "class A:\n    import common.storage\n    x = common.storage.value\nprint(A.common.storage)\n",
        "class A:\n    import shared_libs.common.storage as common_storage, shared_libs.common as common\n"
        "    x = common.storage.value\nprint(A.common.storage)\n",
    ),
    "with a comment between its parts": (
        "import common.storage\nz = (common  # here\n     .storage.value)\n",
        "import shared_libs.common.storage, shared_libs.common as common\nz = (common  # here\n     .storage.value)\n",
    ),
    "whose new name is taken": (
        "import train.model\ntraining = 3\nprint(train.model.Model, training)\n",
        "import training.model as train_model\ntraining = 3\nprint(train_model.Model, training)\n",
    ),
    "whose new name is a parameter, and the next one is taken too": (
        "import track.steps\ntrack_steps = 1\ndef f(tracking): return track.steps.step(tracking)\n",
        "import tracking.steps as track_steps_\ntrack_steps = 1\ndef f(tracking): return track_steps_.step(tracking)\n",
    ),
    "which would hide the outer one in a function": (
        "import config.settings\ndef f():\n    print(config.settings.PATH)\n    import common.player\n    return common.player.kind\n",
        "import shared_libs.config.settings\ndef f():\n    print(shared_libs.config.settings.PATH)\n"
        "    import shared_libs.common.player as common_player\n    return common_player.kind\n",
    ),
    "with names that are not ASCII": (
        'a = "é"; import src.common.storage as ü; print(ü.value, "é"); import common.storage; print("ö", common.storage)\n',
        'a = "é"; import shared_libs.common.storage as ü; print(ü.value, "é"); import shared_libs.common.storage;'
        ' print("ö", shared_libs.common.storage)\n',
    ),
    "type comments stay": (
        "import common.storage\nx = []  # type: list[common.storage.Store]\n",
        "import shared_libs.common.storage\nx = []  # type: list[common.storage.Store]\n",
    ),
    "other people's": (
        "import os.path, json as j\nfrom numpy import common\nfrom commons.storage import x\nimport commonx.storage\n",
        "import os.path, json as j\nfrom numpy import common\nfrom commons.storage import x\nimport commonx.storage\n",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_import_means_what_it_meant(tmp_path: Path, form: str) -> None:
    before, after = FORMS[form]
    found = rewritten(tmp_path, before)
    assert found.contents.decode() == after
    assert found.said(Certainty.ASK) == []


REMOVED = {
    "lines of their own": (
        "from common import (  # head\n    storage,  # to storage\n    player,  # to player\n    missing,  # gone\n)  # tail\nx = 1\n",
        "from shared_libs.common import (  # head\n    storage,  # to storage\n    missing,  # gone\n)  # tail\n"
        "from tracking import player  # to player\nx = 1\n",
    ),
    "the last, without a comma": (
        "def f():\n    from common import (\n        storage,  # a\n        player  # b\n    )\n",
        "def f():\n    from shared_libs.common import (\n        storage,  # a\n    )\n    from tracking import player  # b\n",
    ),
    "one line": (
        "from common import (storage, player)\nfrom common import (storage, player,)\nfrom common import storage, player\n",
        "from shared_libs.common import (storage)\nfrom tracking import player\nfrom shared_libs.common import (storage,)\n"
        "from tracking import player\nfrom shared_libs.common import storage\nfrom tracking import player\n",
    ),
    "the first": (
        "from common import player, storage, storage as s\nfrom common import player, player as p, storage, missing, m as n\n",
        "from shared_libs.common import storage, storage as s\nfrom tracking import player\n"
        "from shared_libs.common import storage, missing, m as n\nfrom tracking import player, player as p\n",
    ),
    "two to a line, with comments": (
        "from common import (\n    storage, player,  # ab\n    missing, other  # mo\n)\n",
        "from shared_libs.common import (\n    storage,  # ab\n    missing, other  # mo\n)\nfrom tracking import player\n",
    ),
    "the first in the bracket's line": (
        "from common import (player,  # s\n    storage, missing as m)\n",
        "from shared_libs.common import (  # s\n    storage, missing as m)\nfrom tracking import player\n",
    ),
    "commas first": (
        "from common import (storage\n    , player  # p\n    , missing\n    )\n",
        "from shared_libs.common import (storage\n    , missing\n    )\nfrom tracking import player  # p\n",
    ),
    "backslashes": (
        "from common import storage, \\\n    player\n",
        "from shared_libs.common import storage\nfrom tracking import player\n",
    ),
    "not alone": (
        "from common import storage, player, missing; y = 1\nif y: from common import (storage,  # c\n    missing, player)\n",
        "from shared_libs.common import storage, missing; from tracking import player; y = 1\n"
        "if y: from shared_libs.common import (storage,  # c\n    missing); from tracking import player\n",
    ),
    "used by a dotted name": (
        "import common\nimport common.storage\nprint(common.player.kind, common.storage.save())\n",
        "import shared_libs.common.storage, tracking.player\nimport shared_libs.common.storage\n"
        "print(tracking.player.kind, shared_libs.common.storage.save())\n",
    ),
}


@pytest.mark.parametrize("form", REMOVED)
def test_names_that_go_elsewhere_leave_the_statement_with_their_comments(tmp_path: Path, form: str) -> None:
    before, after = REMOVED[form]
    found = rewritten(tmp_path, before, mapping=PARTED)
    assert found.contents.decode() == after


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_stay_and_new_lines_have_them_too(tmp_path: Path, newline: str) -> None:
    before, after = REMOVED["lines of their own"]
    found = rewritten(tmp_path, before.replace("\n", newline), mapping=PARTED)
    assert found.contents.decode() == after.replace("\n", newline)


@pytest.mark.parametrize(
    ("encoding", "cookie"),
    [("utf-8", ""), ("utf-8-sig", ""), ("latin-1", "# coding: latin-1\n"), ("cp1252", "# -*- coding: cp1252 -*-\n"),
     ("utf-8", "# vim: set fileencoding=utf-8 :\n"), ("shift_jis", "# coding: shift_jis\n"), ("iso-8859-15", "#!/usr/bin/python\n# coding=iso-8859-15\n")],
)  # fmt: skip
def test_text_before_an_import_is_counted_in_the_files_encoding(tmp_path: Path, encoding: str, cookie: str) -> None:
    text = "ä€" if encoding in ("utf-8", "utf-8-sig", "cp1252") else "表" if encoding == "shift_jis" else "äß"
    before = f'{cookie}x = "{text}"; import common.storage; y = ("{text}", common.storage.value, "{text}")  # {text}\n'
    after = before.replace("common.storage", "shared_libs.common.storage")
    assert rewritten(tmp_path, before.encode(encoding)).contents == after.encode(encoding)


def test_form_feeds_and_odd_line_separators_count_as_what_they_are(tmp_path: Path) -> None:
    before = '\x0cimport common.storage\n\x0c\nx = "\x0b\x1c\u2028\x85"; y = common.storage\n\x0cdef f():\n\x0c    return common.storage\n'
    after = before.replace("common.storage", "shared_libs.common.storage")
    assert rewritten(tmp_path, before).contents.decode() == after


def test_flat_modules_import_each_other_by_their_own_names(tmp_path: Path) -> None:
    before = (
        "from src.train import (  # head\n    model,  # m\n    loop as l,\n)  # t\nfrom src.train import model; import src.train.loop\n"
        "from . import model\nfrom .model import Model\nif Model:\n    from . import (model,  # c\n        loop)\nprint(src.train.loop.run())\n"
    )
    after = (
        "import model  # head  # m\nimport loop as l  # t\nimport model; import loop\n"
        "import model\nfrom model import Model\nif Model:\n    import model  # c\n    import loop\nprint(loop.run())\n"
    )
    assert rewritten(tmp_path, before, mapping=FLAT).contents.decode() == after


def test_relative_imports_of_what_stays_beside_stay(tmp_path: Path) -> None:
    code = "from . import b\nfrom .b import c\nfrom .. import old\nfrom .x.y import z\n"
    more: dict[str, str | bytes] = {"src/old/b.py": "c = 1\n", "src/old/x/y.py": "z = 1\n"}
    mapping = MAPPING.replace('leave = ["*"]', 'leave = ["*", "src/old/**"]')
    assert rewritten(tmp_path, code, "src/old/a.py", mapping, more).contents.decode() == code


def test_relative_imports_among_tests_stay(tmp_path: Path) -> None:
    more: dict[str, str | bytes] = {
        "tests/__init__.py": "", "tests/unit/__init__.py": "", "tests/unit/helper.py": "x = 1\n", "tests/util.py": "y = 1\n",
    }  # fmt: skip
    code = "from . import helper\nfrom .helper import x\nfrom ..util import y\nfrom .. import util\nfrom train import model\n"
    found = rewritten(tmp_path, code, "tests/unit/test_a.py", more=more)
    assert found.contents.decode() == code.replace("from train", "from training")


LEFT = {
    "import src.common.storage\nprint(src.common.storage, src)\n": "uses src, whose modules part",
    "import src.train.loop\nsrc.x = 1\n": "uses src, whose modules part",
    "import src\n": "imports src, whose modules part",
    "import src as s\ns.common.storage\n": "imports src, whose modules part",
    "from src import *\n": "imports from src, whose modules part",
    "import src.common.storage\nsrc = src.common\n": "src is bound by other statements, too",
    "import src.common.storage\nz = (src  # here\n     .common.storage)\n": "cannot be rewritten where it stands",
}


@pytest.mark.parametrize("code", LEFT)
def test_what_cannot_be_rewritten_for_sure_is_left_and_reported(tmp_path: Path, code: str) -> None:
    found = rewritten(tmp_path, code)
    assert found.contents.decode() == code
    assert LEFT[code] in next(mention.why for mention in found.mentions if mention.certainty is Certainty.ASK)


def test_an_import_of_what_is_dropped_is_left_and_reported(tmp_path: Path) -> None:
    mapping = MAPPING.replace('leave = ["*"]', 'leave = ["*"]\ndrop = ["src/common/player.py"]')
    code = (
        "from common import player\nfrom common.player import kind\nimport common.player as p\nimport common.player\n"
    )
    found = rewritten(tmp_path, code, mapping=mapping)
    assert found.contents.decode() == code
    assert [(m.place.line, m.certainty) for m in found.mentions] == [(line, Certainty.ASK) for line in (1, 2, 3, 4)]


def test_an_import_of_what_gets_no_name_is_left_and_reported(tmp_path: Path) -> None:
    mapping = MAPPING.replace('"src/track/**"]', '"src/track/**", { glob = "src/old/**", under = "old-things" }]')
    code = "from src.old import thing\nfrom src.old.thing import x\n"
    found = rewritten(tmp_path, code, mapping=mapping, more={"src/old/thing.py": "x = 1\n"})
    assert found.contents.decode() == code
    assert ["cannot be imported where it goes" in m.why for m in found.mentions] == [True, True]


def test_a_use_of_a_module_that_leaves_its_package_is_reported(tmp_path: Path) -> None:
    code = "from src import common\nimport common as cc\nprint(common.player, common.storage, cc.player.kind)\n"
    found = rewritten(tmp_path, code, mapping=PARTED)
    assert found.contents.decode() == code.replace("from src", "from shared_libs").replace(
        "import common as", "import shared_libs.common as"
    )
    assert found.said(Certainty.ASK) == ["common.player", "cc.player"]


def test_a_package_that_gives_a_name_itself_is_asked_for_it(tmp_path: Path) -> None:
    """`from common import player` means what common/__init__ calls so, not the module that goes elsewhere."""
    for i, init in enumerate(["from .storage import player\n", "player = 1\n", "def player(): ...\n"]):
        found = rewritten(
            tmp_path / str(i), "from common import player\n", mapping=PARTED, more={"src/common/__init__.py": init}
        )
        assert found.contents == b"from shared_libs.common import player\n", init
    for i, init in enumerate(["from . import player\n", "player: object\n", "import src.common.player as player\n"]):
        found = rewritten(
            tmp_path / f"b{i}", "from common import player\n", mapping=PARTED, more={"src/common/__init__.py": init}
        )
        assert found.contents == b"from tracking import player\n", init


def test_lazy_packages_keep_their_laziness(tmp_path: Path) -> None:
    before = (
        "def __getattr__(name):\n    from importlib import import_module\n    if name == 'a':\n"
        "        return import_module('common.storage')\n    return import_module(f'.{name}', __name__)\n"
    )
    found = rewritten(tmp_path, before, "src/train/__init__.py")
    assert found.contents.decode() == before.replace("'common.storage'", "'shared_libs.common.storage'")


def test_a_very_long_and_deep_file_is_read(tmp_path: Path) -> None:
    deep = "import common.storage\nx = " + " + ".join(["'a'"] * 1500) + "\n"
    chain = "y = common.storage" + ".z()" * 700 + "\n"
    many = "if x == 0: pass\n" + "".join(f"elif x == {i}: common.storage.save()\n" for i in range(400))
    long = "".join(f"a{i} = common.storage.value\n" for i in range(20_000))
    code = deep + chain + many + long
    found = rewritten(tmp_path, code)
    assert found.contents.decode() == code.replace("common.storage", "shared_libs.common.storage")


def test_a_second_plan_changes_nothing(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = dict(MODULES)
    for i, (before, _) in enumerate(FORMS.values()):
        files[f"src/train/form{i}.py"] = before
    first = result_of(plan_of(tmp_path / "before", files))
    second = plan_of(tmp_path / "after", dict(first))
    assert not second.operations.moves
    assert second.operations.writes == {}
