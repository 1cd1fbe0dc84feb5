"""A small workspace that holds one of everything, for the golden result and for tests that need runnable code."""

import json

LOCKS = {
    "requirements/import_names.json": json.dumps(
        {
            "numpy==2.0": {"imports": ["numpy"], "sha256": ""},
            "pytest==8.0": {"imports": ["_pytest", "pytest"], "sha256": ""},
            "pytest-mock==3.0": {"imports": ["pytest_mock"], "sha256": ""},
            "google-cloud-storage==3.0": {"imports": ["google.cloud.storage"], "sha256": ""},
        }
    ),
    "requirements/shared_libs.txt": "numpy==2.0\npytest==8.0\n",
    "requirements/service_a.txt": "numpy==2.0\npytest==8.0\npytest-mock==3.0\ngoogle-cloud-storage==3.0\n",
    "requirements/service_flat.txt": "numpy==2.0\npytest==8.0\n",
    "requirements/tools.txt": "pytest==8.0\n",
}

SHARED = {
    "shared_libs/__init__.py": '"""Shared."""\n',
    "shared_libs/common/__init__.py": "",
    "shared_libs/common/boxes.py": "import numpy as np\n\nfrom shared_libs.utils import ids\n",
    "shared_libs/utils/__init__.py": "from .ids import new_id\n",
    "shared_libs/utils/ids.py": "import os\n\ndef new_id(): ...\n",
    "shared_libs/left/__init__.py": "",
    "shared_libs/left/l.py": "def late():\n    from shared_libs.right.r import R\n",
    "shared_libs/right/__init__.py": "",
    "shared_libs/right/r.py": "from shared_libs.left.l import late\n\nclass R: ...\n",
    "shared_libs/tests/__init__.py": "",
    "shared_libs/tests/conftest.py": "import pytest\n\nfrom shared_libs.common.boxes import np\n",
    "shared_libs/tests/test_boxes.py": "import shared_libs.common.boxes\n\ndef test_boxes(): ...\n",
}

SERVICES = {
    "services/service-a/src/a/__init__.py": "",
    "services/service-a/src/a/__main__.py": "from a.cli import main\n\nmain()\n",
    "services/service-a/src/a/cli.py": (
        "from pathlib import Path\nfrom typing import TYPE_CHECKING\n\nfrom google.cloud import storage\n\n"
        "from a.stages import one\nfrom shared_libs.common.boxes import np\n\n"
        "if TYPE_CHECKING:\n    from shared_libs.utils.ids import new_id\n\n"
        'SETTINGS = Path(__file__).parent / "settings.yaml"\n\ndef main(): ...\n'
    ),
    "services/service-a/src/a/settings.yaml": "",
    "services/service-a/src/a/stages/__init__.py": "from . import one\n",
    "services/service-a/src/a/stages/one.py": (
        "import importlib\n\ntry:\n    import fast_one\nexcept ImportError:\n    fast_one = None\n\n"
        'def two():\n    return importlib.import_module("a.stages.extra.two")\n'
    ),
    "services/service-a/src/a/stages/extra/two.py": "import json\n",
    "services/service-a/tests/conftest.py": "import pytest\n",
    "services/service-a/tests/helpers/__init__.py": "",
    "services/service-a/tests/test_cli.py": (
        'from unittest.mock import patch\n\nimport a.cli\n\n@patch("a.stages.one.importlib")\n'
        "def test_cli(importlib, mocker): ...\n"
    ),
    "services/service-flat/src/engine.py": 'import helper\n\nif __name__ == "__main__":\n    helper.help()\n',
    "services/service-flat/src/helper.py": "import numpy\n\ndef help(): ...\n",
    "services/service-flat/tests/test_engine.py": "import engine\nimport unittest\n\nclass E(unittest.TestCase): ...\n",
}

TOOLS = {
    "tools/report/__init__.py": "",
    "tools/report/__main__.py": "from report.table import rows\n",
    "tools/report/table.py": "rows = []\n",
    "tools/report/tests/test_table.py": "from report.table import rows\n\ndef test_rows(): ...\n",
    "tools/report/BUILD.bazel": "# gazelle:python_binary_naming_convention $package_name$\n",
}

ALL = {**LOCKS, **SHARED, **SERVICES, **TOOLS}
