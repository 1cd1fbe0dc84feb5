"""A first migration.toml, as `migrate init` proposes it: what it says, and that it can be carried out as it is."""

from pathlib import Path

import pytest

from migrate.config import parse_mapping
from migrate.model import Component, Kind, Mapping, MigrationError, Style
from migrate.planning import Plan, make_plan
from migrate.proposing import propose
from migrate.testing.building import result_of, write

# What two services use; long enough to be worth a library of its own.
_HELPERS = "def helper():\n    return 1\n" + "\n# what else there is to say\n" * 100


def proposed(root: Path, files: dict[str, str | bytes]) -> tuple[Mapping, Plan]:
    """The proposal for a repository of these files, and its plan, which needs no decision."""
    mapping = parse_mapping(propose(write(root, files)), "migration.toml")
    plan = make_plan(root, mapping)
    assert [decision.what for decision in plan.decisions] == []
    return mapping, plan


def sources(component: Component) -> list[str]:
    return sorted(source.glob for source in component.sources)


def test_a_package_that_two_others_import_is_shared(tmp_path: Path) -> None:
    mapping, plan = proposed(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/app.py": "from money.rates import rate\n",
            "stock/__init__.py": "",
            "stock/app.py": "from money.rates import rate\n",
            "money/__init__.py": "",
            "money/rates.py": "def rate():\n    return 2\n",
        },
    )
    kinds = {component.name: component.kind for component in mapping.components}
    assert kinds == {"service-shop": Kind.SERVICE, "service-stock": Kind.SERVICE, "money": Kind.SHARED}
    after = result_of(plan)
    assert after["services/service-shop/src/shop/app.py"] == b"from shared_libs.money.rates import rate\n"


def test_what_one_service_uses_goes_with_it_under_its_name(tmp_path: Path) -> None:
    mapping, plan = proposed(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/app.py": "from money.rates import rate\n" * 3,
            "money/__init__.py": "",
            "money/rates.py": "def rate():\n    return 2\n",
        },
    )
    (service,) = mapping.components
    assert (service.style, sources(service)) == (Style.FLAT, ["money/**", "shop/**"])
    assert not plan.operations.writes  # nothing is called differently


@pytest.mark.parametrize(
    ("line", "because"),
    [
        ("HANDLERS = {'rate': 'money.rates.rate'}\n", "a setting's value"),
        ("names = ['money.rates.rate']\n", "likely, but not certain"),
        ("HERE = 'money/rates.txt', 'money'\nrun('money')\nimport_them('money')\n", "a package's name"),
    ],
)
def test_what_strings_name_is_not_shared(tmp_path: Path, line: str, because: str) -> None:
    mapping, _ = proposed(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/app.py": f"from money.rates import rate\n{line}",
            "stock/__init__.py": "",
            "stock/app.py": "from money.rates import rate\n",
            "money/__init__.py": "",
            "money/rates.py": "def rate():\n    return 2\n",
        },
    )
    assert [component.kind for component in mapping.components if "money/**" in sources(component)] == [Kind.SERVICE]
    assert ("service-stock", "service-shop") in mapping.allow_edges, because


def test_a_patch_string_is_no_hindrance(tmp_path: Path) -> None:
    mapping, plan = proposed(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/app.py": "from money.rates import rate\n",
            "stock/__init__.py": "",
            "stock/app.py": "from money.rates import rate\n",
            "money/__init__.py": "",
            "money/rates.py": "def rate():\n    return 2\n",
            "tests/test_shop.py": "from unittest.mock import patch\nimport shop.app\n\n\n"
            "@patch('money.rates.rate')\ndef test_it(rate):\n    pass\n",
        },
    )
    assert mapping.component("money").kind is Kind.SHARED
    test = result_of(plan)["services/service-shop/tests/test_shop.py"]
    assert b"@patch('shared_libs.money.rates.rate')" in test


def test_the_parts_of_one_package_that_use_nothing_else_are_shared(tmp_path: Path) -> None:
    rest = "# code\n" * 1200
    mapping, plan = proposed(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/orders.py": f"from shop.wire import helper\nfrom . import compat\n{rest}",
            "shop/stock.py": "from shop.wire import helper\nfrom shop.compat import helper as h\n",
            "shop/wire/__init__.py": _HELPERS,
            "shop/compat.py": _HELPERS,
            "tests/test_stock.py": "import shop.stock\n\n\ndef test_it():\n    pass\n",
        },
    )
    kinds = {component.name: (component.kind, sources(component)) for component in mapping.components}
    assert kinds == {
        "service-shop": (Kind.SERVICE, ["shop/**"]),
        "wire": (Kind.SHARED, ["shop/wire/**"]),
        "common": (Kind.SHARED, ["shop/compat.py"]),
    }
    after = result_of(plan)
    assert b"from shared_libs.common import compat\n" in after["services/service-shop/src/shop/orders.py"]


@pytest.mark.parametrize(
    "looking",
    [
        "import pkgutil\nfor module in pkgutil.iter_modules(__path__):\n    pass\n",
        "import os\nfor name in os.listdir(os.path.dirname(__file__)):\n    pass\n",
    ],
)
def test_a_package_that_looks_for_its_parts_keeps_them(tmp_path: Path, looking: str) -> None:
    mapping, _ = proposed(
        tmp_path,
        {
            "shop/__init__.py": looking,
            "shop/orders.py": "from shop.wire import helper\n" + "# code\n" * 600,
            "shop/stock.py": "from shop.wire import helper\n",
            "shop/wire/__init__.py": _HELPERS,
        },
    )
    assert [component.kind for component in mapping.components] == [Kind.SERVICE]


def test_only_the_module_that_a_string_names_stays(tmp_path: Path) -> None:
    use = "from shop.wire import helper\nfrom shop.names import helper as h\n"
    mapping, _ = proposed(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/orders.py": f"{use}NAMED = ['shop.names.helper']\n" + "# code\n" * 1200,
            "shop/stock.py": use,
            "shop/wire.py": _HELPERS,
            "shop/names.py": _HELPERS,
        },
    )
    shared = [component for component in mapping.components if component.kind is Kind.SHARED]
    assert [sources(component) for component in shared] == [["shop/wire.py"]]
    assert "# shop/names.py is not shared, and keeps its name: shop/orders.py:3" in mapping.text


def test_programs_at_the_root_go_to_the_service_that_they_start(tmp_path: Path) -> None:
    _, plan = proposed(
        tmp_path,
        {
            "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
            "wsgi.py": "from shop.app import application\n",
            "setup.py": "import shop\n",
            "alone.py": "print(1)\n",
            "shop/__init__.py": "",
            "shop/app.py": "application = 1\n",
            "shop/settings.py": "",
        },
    )
    new = {path: entry.new_path for path, entry in plan.files.items()}
    assert new["manage.py"] == "services/service-shop/src/manage.py"
    assert new["wsgi.py"] == "services/service-shop/src/wsgi.py"
    assert (new["setup.py"], new["alone.py"]) == ("setup.py", "alone.py")
    assert not plan.operations.writes


def test_what_code_finds_beside_its_package_goes_with_it(tmp_path: Path) -> None:
    _, plan = proposed(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/db.py": "import os\n\n\ndef where(app):\n"
            "    return os.path.join(os.path.dirname(app.root_path), 'migrations')\n",
            "migrations/env.ini": "",
            "other/env.ini": "",
        },
    )
    new = {path: entry.new_path for path, entry in plan.files.items()}
    assert new["migrations/env.ini"] == "services/service-shop/src/migrations/env.ini"
    assert new["other/env.ini"] == "other/env.ini"


def test_packages_that_find_each_others_files_stay_together(tmp_path: Path) -> None:
    mapping, _ = proposed(
        tmp_path,
        {
            "src/shop/__init__.py": "import data.names\n",
            "src/data/__init__.py": "",
            "src/data/names.py": "",
            "src/data/a.conf": "",
            "src/setup_shop/__init__.py": "import shop\nPLACE = '../data/a.conf'\n",
            "src/other/__init__.py": "import data.names\n",
        },
    )
    (together,) = [component for component in mapping.components if "src/data/**" in sources(component)]
    assert {"src/data/**", "src/setup_shop/**"} <= set(sources(together))


def test_a_circle_of_a_library_and_its_users_is_allowed_by_name(tmp_path: Path) -> None:
    mapping, _ = proposed(
        tmp_path,
        {
            "src/api/__init__.py": "import common.store\n",
            "src/train/__init__.py": "import common.store\n",
            "src/common/__init__.py": "",
            "src/common/store.py": "def make():\n    import train\n    return train\n",
        },
    )
    assert mapping.component("common").kind is Kind.SHARED
    assert mapping.allow_edges == (("common", "service-train"),)


def test_tests_of_examples_are_no_tests_of_the_project(tmp_path: Path) -> None:
    mapping, plan = proposed(
        tmp_path,
        {
            "shop/__init__.py": "",
            "tests/test_shop.py": "import shop\n",
            "docs/tutorial/tests/test_tutorial.py": "import shop\n",
        },
    )
    assert mapping.tests_folders == ("tests",)
    assert plan.files["docs/tutorial/tests/test_tutorial.py"].new_path == "docs/tutorial/tests/test_tutorial.py"


@pytest.mark.parametrize("name", ["we[ir]d*?.txt", 'quo"ted.txt', "line\nbreak.txt", "\udce9.txt", "back\\slash"])
def test_names_that_mean_something_in_a_glob_or_in_toml(tmp_path: Path, name: str) -> None:
    mapping, plan = proposed(tmp_path, {"shop/__init__.py": "", name: ""})
    assert plan.files[name].new_path == name
    assert len(mapping.leave) == 1


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({}, "holds no Python package or module to move"),
        ({"a.py": "print(1)\n", "b.py": "print(2)\n"}, "holds no Python package or module to move"),
        ({"services/service-a/src/a/__init__.py": "", "shared_libs/__init__.py": ""}, "is in the new layout already"),
    ],
)
def test_nothing_to_propose(tmp_path: Path, files: dict[str, str | bytes], error: str) -> None:
    write(tmp_path, files)
    with pytest.raises(MigrationError, match=error):
        propose(tmp_path)
