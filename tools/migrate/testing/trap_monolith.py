"""A small monolith that holds every trap in which a naive move gets caught, and what it should become.

`BEFORE` is the repository: path -> contents. `AFTER` is the golden result: new path -> contents of every file that is
rewritten. `MOVES` says where the others go, byte for byte.
"""

# Lines are as long as what they stand for.
# ruff: noqa: E501

MAPPING = """\
version = 1
leave = ["README.md", "Dockerfile", "pyproject.toml", "pytest.ini", "main.py old", "legacy.py", ".vscode/**", "deploy.sh"]
drop = ["notes.tmp"]
allow_edges = ["service-api -> service-training"]

[tests]
folders = ["tests"]

[[component]]
name = "service-tracking"
kind = "service"
package = "tracking"
sources = ["src/track/**", { glob = "modules/**", under = "modules" }]

[[component]]
name = "service-training"
kind = "service"
package = "training"
sources = ["src/train/**", { glob = "src/scripts/**", under = "scripts" }]

[[component]]
name = "service-api"
kind = "service"
package = "api"
sources = ["src/api/**", { glob = "scripts/**", under = "scripts" }, "src/main.py"]

[[component]]
name = "common"
kind = "shared"
sources = ["src/common/**"]

[[component]]
name = "config"
kind = "shared"
sources = ["src/config/**"]

[[component]]
name = "utils"
kind = "shared"
sources = ["src/utils/**"]
"""

BEFORE: dict[str, bytes] = {
    "README.md": b"# A monolith\n\nStart it with `src/main.py`.\n",
    "notes.tmp": b"nobody needs this\n",
    "pytest.ini": b"[pytest]\nmarkers =\n    slow: takes long\n",
    "pyproject.toml": (
        b'[project]\nname = "mono"\nversion = "1"\n\n[project.scripts]\nmono-train = "scripts.train_all:main"\n'
        b'mono-serve = "scripts.serve:main"  # broken before\n\n[tool.setuptools]\npackage-dir = {"" = "src"}\n'
    ),
    "Dockerfile": b'FROM python:3.11-slim\nWORKDIR /app\nCOPY src/config/paths.yaml src/config/paths.yaml\nCMD ["python", "src/main.py"]\n',
    "deploy.sh": b"#!/bin/sh\nsource ./src/config/cloud.env\n",
    ".vscode/settings.json": b'{\n    // where imports start\n    "python.analysis.extraPaths": ["src"]\n}\n',
    # Not Python by its name, though it is.
    "main.py old": b"from tools.store_driver import Store\nfrom src.common import storage\n",
    # Python 2: reported, left alone.
    "legacy.py": b'print "hello"\n',
    # --- shared code -------------------------------------------------------------------------------------------
    "src/common/__init__.py": b"",
    "src/common/storage.py": (
        b'"""Storage.\n\nfrom src.config import settings  # in a docstring: no code\n"""\n\n'
        b"import logging\n\nimport config.settings\nfrom utils.env import value\n\n"
        b'logger = logging.getLogger("common.storage")\nopened = 0\n\n\n'
        b"def open_storage():\n    global opened\n    opened += 1\n    return config.settings.PATHS_FILE, value('X')\n"
    ),
    "src/common/player.py": b"class Player:\n    kind = 'common'\n",
    "src/config/__init__.py": (
        b"def __getattr__(name):\n    if name == 'paths':\n        from importlib import import_module\n\n"
        b'        return import_module("config.paths")\n    raise AttributeError(name)\n'
    ),
    "src/config/settings.py": (
        b'PATHS_FILE = "src/config/paths.yaml"  # relative to the working folder\n'
        b'MODEL = {"model_class_module": "train.model"}  # also the name of stored models\n'
    ),
    "src/config/paths.py": b"PATHS = ['a', 'b']\n",
    "src/config/paths.yaml": b"a: 1\n",
    "src/config/cloud.env": b"",
    "src/utils/__init__.py": b"",
    "src/utils/env.py": b"import os\n\n\ndef value(name):\n    return os.environ.get(name, 'unset')\n",
    # A program that makes its own sys.path; CRLF line ends.
    "src/utils/cleanup.py": (
        b"import os\r\nimport sys\r\n\r\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))\r\n\r\n"
        b"from utils.env import value  # noqa: E402\r\n\r\nif __name__ == '__main__':\r\n    print(value('HOME'))\r\n"
    ),
    # --- services ----------------------------------------------------------------------------------------------
    "src/train/__init__.py": b"from .training import Training\n\n__all__ = [\n    'Training'\n    'Trainer'\n]\n",
    "src/train/training.py": (
        b"from __future__ import annotations\n\n"
        b"from common.storage import open_storage\nfrom src.common import (  # both names of one package\n"
        b"    player,  # a module\n    storage as store,\n)\nfrom src import config, utils\n\nimport utils.env as env\n\n\n"
        b"class Training:\n    def run(self):\n        from train.model import Model\n\n"
        b"        return Model().name, open_storage(), player.Player.kind, store.opened, config.__name__, utils.__name__, env.value('Y')\n"
    ),
    "src/train/model.py": b"class Model:\n    name = 'model'\n",
    "src/scripts/__init__.py": b"",
    "src/scripts/train_all.py": (
        b"import subprocess\nimport sys\nfrom pathlib import Path\n\nROOT = Path(__file__).resolve().parent.parent.parent\n"
        b'DATA = ROOT / "src" / "config" / "paths.yaml"\n\n\ndef main():\n'
        b'    return subprocess.run([sys.executable, "-m", "src.train.model"], cwd=ROOT)\n'
    ),
    # Two folders called scripts; this one has no __init__.py and no name of its own.
    "scripts/profile_memory.py": b"from utils.env import value\n\nprint(value('PROFILE'))\n",
    "scripts/deploy now.sh": b"#!/bin/sh\necho now\n",
    # Tabs, a try/except import, a nested import of another service; latin-1.
    "src/api/__init__.py": b"",
    "src/api/jobs.py": (
        b"# -*- coding: latin-1 -*-\n# \xfcber Jobs\ntry:\n\tfrom common.fast_storage import open_storage\nexcept ImportError:\n"
        b"\tfrom common.storage import open_storage  # \xe4\n\n\ndef run():\n\tfrom src.train.training import Training\n\n"
        b"\treturn Training().run(), open_storage()\n"
    ),
    "src/main.py": (
        b"import src.api.jobs\nfrom src.api import jobs\n\n\ndef main():\n    assert src.api.jobs is jobs\n"
        b"    return src.api.jobs.run()\n\n\nif __name__ == '__main__':\n    main()\n"
    ),
    "src/track/__init__.py": b"",
    "src/track/pipeline.py": (
        b"from modules.player import Player\nfrom modules.utils import size\nfrom .steps import *\n\n\n"
        b"def run():\n    return Player.kind, size([1]), step()\n"
    ),
    "src/track/steps.py": b"def step():\n    return 'step'\n",
    # A folder without __init__.py whose files would hide `utils` and collide with `player`, if they were moved flat.
    "modules/player.py": b"class Player:\n    kind = 'module'\n",
    "modules/utils.py": b"def size(items):\n    return len(items)\n",
    # --- tests -------------------------------------------------------------------------------------------------
    "tests/__init__.py": b"",
    "tests/conftest.py": (
        b"import os\nimport sys\n\nimport pytest\n\nROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n"
        b"SRC = os.path.join(ROOT, 'src')\nif SRC not in sys.path:\n    sys.path.insert(0, SRC)\n\n\n"
        b"@pytest.fixture\ndef data():\n    return os.path.join(ROOT, 'src', 'config', 'paths.yaml')\n"
    ),
    "tests/fixtures/numbers.txt": b"1 2 3\n",
    "tests/unit/test_storage.py": (
        b"from unittest.mock import patch\n\nimport common.storage\n\n\ndef test_it_opens():\n"
        b'    with patch("common.storage.value", return_value=1):\n        assert common.storage.open_storage()[1] == 1\n\n\n'
        b'@patch.object(common.storage, "value", lambda name: 2)\ndef test_it_opens_again():\n'
        b"    assert common.storage.open_storage()[1] == 2\n\n\n"
        b"def test_it_can_be_stubbed(monkeypatch):\n    import sys\n    import types\n\n"
        b'    monkeypatch.setitem(sys.modules, "common.fast_storage", types.ModuleType("x"))\n'
        b'    monkeypatch.setattr("common.storage.value", lambda name: 3)\n    assert common.storage.open_storage()[1] == 3\n'
    ),
    "tests/unit/test_training.py": (
        b"import importlib\n\nfrom src.train import training\nfrom src.train.training import Training\n\n\n"
        b"def test_it_runs(data):\n    assert Training().run()[0] == 'model'\n    assert open(data).read() == 'a: 1\\n'\n\n\n"
        b'def test_it_is_found_by_name():\n    assert importlib.import_module("src.train.training") is training\n'
    ),
    "tests/track/__init__.py": b"import sys\n\nsys.path.append('src')\n",
    "tests/track/test_pipeline.py": (
        b"from track.pipeline import run\n\n\ndef test_it_runs():\n    assert run() == ('module', 1, 'step')\n"
    ),
    "tests/test_all.py": (
        b"import os\nfrom pathlib import Path\n\nimport pytest\nfrom src.main import main\nfrom src.track import pipeline\n\n"
        b'NUMBERS = Path(__file__).parent / "fixtures" / "numbers.txt"\n\n\n'
        b"def test_everything(data):\n    assert main()[0][0] == 'model'\n    assert pipeline.run()[1] == 1\n"
        b"    assert NUMBERS.read_text() == '1 2 3\\n'\n    assert os.path.exists(data)\n\n\n"
        b'@pytest.mark.skipif(not Path("/Users/coach/mono/src").exists(), reason="only there")\ndef test_on_the_laptop():\n    pass\n'
    ),
    # Not a pytest test, though it is called like one.
    "src/api/test_worker.py": b"import sys\n\nprint('worker', sys.argv[1:])\n",
}

#: Every file that moves and is not rewritten: old path -> new path.
MOVES: dict[str, str] = {
    "modules/player.py": "services/service-tracking/src/tracking/modules/player.py",
    "modules/utils.py": "services/service-tracking/src/tracking/modules/utils.py",
    "scripts/deploy now.sh": "services/service-api/src/api/scripts/deploy now.sh",
    "src/api/__init__.py": "services/service-api/src/api/__init__.py",
    "src/api/test_worker.py": "services/service-api/src/api/test_worker.py",
    "src/common/__init__.py": "shared_libs/common/__init__.py",
    "src/common/player.py": "shared_libs/common/player.py",
    "src/config/cloud.env": "shared_libs/config/cloud.env",
    "src/config/paths.py": "shared_libs/config/paths.py",
    "src/config/paths.yaml": "shared_libs/config/paths.yaml",
    "src/scripts/__init__.py": "services/service-training/src/training/scripts/__init__.py",
    "src/track/__init__.py": "services/service-tracking/src/tracking/__init__.py",
    "src/track/steps.py": "services/service-tracking/src/tracking/steps.py",
    "src/train/__init__.py": "services/service-training/src/training/__init__.py",
    "src/train/model.py": "services/service-training/src/training/model.py",
    "src/utils/__init__.py": "shared_libs/utils/__init__.py",
    "src/utils/env.py": "shared_libs/utils/env.py",
}

#: The golden result, read by a person line by line: new path -> contents of every file that is rewritten.
AFTER: dict[str, bytes] = {
    ".vscode/settings.json": (
        b"{\n"
        b"    // where imports start\n"
        b'    "python.analysis.extraPaths": ["services/service-tracking/src", "services/service-training/src", "services/service-api/src", "."]\n'
        b"}\n"
    ),
    "Dockerfile": (
        b"FROM python:3.11-slim\n"
        b"WORKDIR /app\n"
        b"COPY shared_libs/config/paths.yaml shared_libs/config/paths.yaml\n"
        b"ENV PYTHONPATH=/app/services/service-tracking/src:/app/services/service-training/src:/app/services/service-api/src:/app\n"
        b'CMD ["python", "services/service-api/src/api/main.py"]\n'
    ),
    "deploy.sh": (b"#!/bin/sh\nsource ./shared_libs/config/cloud.env\n"),
    "pyproject.toml": (
        b"[project]\n"
        b'name = "mono"\n'
        b'version = "1"\n'
        b"\n"
        b"[project.scripts]\n"
        b'mono-train = "training.scripts.train_all:main"\n'
        b'mono-serve = "training.scripts.serve:main"  # broken before\n'
        b"\n"
        b"[tool.setuptools]\n"
        b'package-dir = {"api" = "services/service-api/src/api", "shared_libs" = "shared_libs", "tracking" = "services/service-tracking/src/tracking", "training" = "services/service-training/src/training"}\n'
    ),
    "services/service-api/src/api/jobs.py": (
        b"# -*- coding: latin-1 -*-\n"
        b"# \xfcber Jobs\n"
        b"try:\n"
        b"\tfrom shared_libs.common.fast_storage import open_storage\n"
        b"except ImportError:\n"
        b"\tfrom shared_libs.common.storage import open_storage  # \xe4\n"
        b"\n"
        b"\n"
        b"def run():\n"
        b"\tfrom training.training import Training\n"
        b"\n"
        b"\treturn Training().run(), open_storage()\n"
    ),
    "services/service-api/src/api/main.py": (
        b"import api.jobs\n"
        b"from api import jobs\n"
        b"\n"
        b"\n"
        b"def main():\n"
        b"    assert api.jobs is jobs\n"
        b"    return api.jobs.run()\n"
        b"\n"
        b"\n"
        b"if __name__ == '__main__':\n"
        b"    main()\n"
    ),
    "services/service-api/src/api/scripts/profile_memory.py": (
        b"from shared_libs.utils.env import value\n\nprint(value('PROFILE'))\n"
    ),
    "services/service-tracking/src/tracking/pipeline.py": (
        b"from tracking.modules.player import Player\n"
        b"from tracking.modules.utils import size\n"
        b"from .steps import *\n"
        b"\n"
        b"\n"
        b"def run():\n"
        b"    return Player.kind, size([1]), step()\n"
    ),
    "services/service-tracking/tests/track/__init__.py": (b"import sys\n\n"),
    "services/service-tracking/tests/track/test_pipeline.py": (
        b"from tracking.pipeline import run\n\n\ndef test_it_runs():\n    assert run() == ('module', 1, 'step')\n"
    ),
    "services/service-training/src/training/scripts/train_all.py": (
        b"import subprocess\n"
        b"import sys\n"
        b"from pathlib import Path\n"
        b"\n"
        b"ROOT = Path(__file__).resolve().parents[5]\n"
        b'DATA = ROOT / "shared_libs" / "config" / "paths.yaml"\n'
        b"\n"
        b"\n"
        b"def main():\n"
        b'    return subprocess.run([sys.executable, "-m", "training.model"], cwd=ROOT)\n'
    ),
    "services/service-training/src/training/training.py": (
        b"from __future__ import annotations\n"
        b"\n"
        b"from shared_libs.common.storage import open_storage\n"
        b"from shared_libs.common import (  # both names of one package\n"
        b"    player,  # a module\n"
        b"    storage as store,\n"
        b")\n"
        b"from shared_libs import config, utils\n"
        b"\n"
        b"import shared_libs.utils.env as env\n"
        b"\n"
        b"\n"
        b"class Training:\n"
        b"    def run(self):\n"
        b"        from training.model import Model\n"
        b"\n"
        b"        return Model().name, open_storage(), player.Player.kind, store.opened, config.__name__, utils.__name__, env.value('Y')\n"
    ),
    "services/service-training/tests/unit/test_training.py": (
        b"import importlib\n"
        b"\n"
        b"from training import training\n"
        b"from training.training import Training\n"
        b"\n"
        b"\n"
        b"def test_it_runs(data):\n"
        b"    assert Training().run()[0] == 'model'\n"
        b"    assert open(data).read() == 'a: 1\\n'\n"
        b"\n"
        b"\n"
        b"def test_it_is_found_by_name():\n"
        b'    assert importlib.import_module("training.training") is training\n'
    ),
    "shared_libs/common/storage.py": (
        b'"""Storage.\n'
        b"\n"
        b"from src.config import settings  # in a docstring: no code\n"
        b'"""\n'
        b"\n"
        b"import logging\n"
        b"\n"
        b"import shared_libs.config.settings\n"
        b"from shared_libs.utils.env import value\n"
        b"\n"
        b'logger = logging.getLogger("common.storage")\n'
        b"opened = 0\n"
        b"\n"
        b"\n"
        b"def open_storage():\n"
        b"    global opened\n"
        b"    opened += 1\n"
        b"    return shared_libs.config.settings.PATHS_FILE, value('X')\n"
    ),
    "shared_libs/config/__init__.py": (
        b"def __getattr__(name):\n"
        b"    if name == 'paths':\n"
        b"        from importlib import import_module\n"
        b"\n"
        b'        return import_module("shared_libs.config.paths")\n'
        b"    raise AttributeError(name)\n"
    ),
    "shared_libs/config/settings.py": (
        b'PATHS_FILE = "shared_libs/config/paths.yaml"  # relative to the working folder\n'
        b'MODEL = {"model_class_module": "train.model"}  # also the name of stored models\n'
    ),
    "shared_libs/tests/common/unit/test_storage.py": (
        b"from unittest.mock import patch\n"
        b"\n"
        b"import shared_libs.common.storage\n"
        b"\n"
        b"\n"
        b"def test_it_opens():\n"
        b'    with patch("shared_libs.common.storage.value", return_value=1):\n'
        b"        assert shared_libs.common.storage.open_storage()[1] == 1\n"
        b"\n"
        b"\n"
        b'@patch.object(shared_libs.common.storage, "value", lambda name: 2)\n'
        b"def test_it_opens_again():\n"
        b"    assert shared_libs.common.storage.open_storage()[1] == 2\n"
        b"\n"
        b"\n"
        b"def test_it_can_be_stubbed(monkeypatch):\n"
        b"    import sys\n"
        b"    import types\n"
        b"\n"
        b'    monkeypatch.setitem(sys.modules, "shared_libs.common.fast_storage", types.ModuleType("x"))\n'
        b'    monkeypatch.setattr("shared_libs.common.storage.value", lambda name: 3)\n'
        b"    assert shared_libs.common.storage.open_storage()[1] == 3\n"
    ),
    "shared_libs/utils/cleanup.py": (
        b"import os\r\n"
        b"import sys\r\n"
        b"\r\n"
        b"sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))\r\n"
        b"\r\n"
        b"from shared_libs.utils.env import value  # noqa: E402\r\n"
        b"\r\n"
        b"if __name__ == '__main__':\r\n"
        b"    print(value('HOME'))\r\n"
    ),
    "tests/conftest.py": (
        b"import os\n"
        b"import sys\n"
        b"\n"
        b"import pytest\n"
        b"\n"
        b"ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n"
        b"SRC = os.path.join(ROOT, 'src')\n"
        b"\n"
        b"\n"
        b"@pytest.fixture\n"
        b"def data():\n"
        b'    return os.path.join(ROOT, "shared_libs", "config", "paths.yaml")\n'
    ),
    "tests/test_all.py": (
        b"import os\n"
        b"from pathlib import Path\n"
        b"\n"
        b"import pytest\n"
        b"from api.main import main\n"
        b"from tracking import pipeline\n"
        b"\n"
        b'NUMBERS = Path(__file__).parent / "fixtures" / "numbers.txt"\n'
        b"\n"
        b"\n"
        b"def test_everything(data):\n"
        b"    assert main()[0][0] == 'model'\n"
        b"    assert pipeline.run()[1] == 1\n"
        b"    assert NUMBERS.read_text() == '1 2 3\\n'\n"
        b"    assert os.path.exists(data)\n"
        b"\n"
        b"\n"
        b'@pytest.mark.skipif(not Path("/Users/coach/mono/src").exists(), reason="only there")\n'
        b"def test_on_the_laptop():\n"
        b"    pass\n"
    ),
}

#: What several folders of tests need, each with its own: further path -> contents.
COPIES: dict[str, bytes] = {
    "services/service-tracking/tests/__init__.py": b"",
    "services/service-tracking/tests/conftest.py": (
        b"import os\n"
        b"import sys\n"
        b"\n"
        b"import pytest\n"
        b"\n"
        b"ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))\n"
        b"SRC = os.path.join(ROOT, 'src')\n"
        b"\n"
        b"\n"
        b"@pytest.fixture\n"
        b"def data():\n"
        b'    return os.path.join(ROOT, "shared_libs", "config", "paths.yaml")\n'
    ),
    "services/service-training/tests/__init__.py": b"",
    "services/service-training/tests/conftest.py": (
        b"import os\n"
        b"import sys\n"
        b"\n"
        b"import pytest\n"
        b"\n"
        b"ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))\n"
        b"SRC = os.path.join(ROOT, 'src')\n"
        b"\n"
        b"\n"
        b"@pytest.fixture\n"
        b"def data():\n"
        b'    return os.path.join(ROOT, "shared_libs", "config", "paths.yaml")\n'
    ),
    "shared_libs/tests/common/conftest.py": (
        b"import os\n"
        b"import sys\n"
        b"\n"
        b"import pytest\n"
        b"\n"
        b"ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))\n"
        b"SRC = os.path.join(ROOT, 'src')\n"
        b"\n"
        b"\n"
        b"@pytest.fixture\n"
        b"def data():\n"
        b'    return os.path.join(ROOT, "shared_libs", "config", "paths.yaml")\n'
    ),
}
