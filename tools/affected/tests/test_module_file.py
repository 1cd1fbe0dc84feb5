"""What is read from MODULE.bazel."""

import pytest

from affected.module_file import read_module_file
from buildgen.starlark import StarlarkError

MODULE = """\
module(name = "laxai")
bazel_dep(name = "rules_python", version = "2.3.2")

pip = use_extension("@rules_python//python/extensions:pip.bzl", "pip")
pip.parse(
    experimental_index_url_overrides = {"torch": "https://download.example.com/whl"},
    hub_name = "pypi_training",
    requirements_lock = "//requirements:training.txt",
)
pip.parse(hub_name = "pypi_training_new", requirements_lock = "//requirements:training.txt")
pip.parse(hub_name = "pypi_root", requirements_lock = "//:root.txt")
pip.default(default_hub = "pypi_root")
use_repo(pip, "pypi", "pypi_training")

# Of our own files.
tree = use_extension("//tools:tree.bzl", "tree", dev_dependency = True)
use_repo(tree, "tree", woods = "forest")
register_toolchains("@laxai//toolchains:all")
"""


def test_locks_hubs_and_own_repositories_are_found() -> None:
    module = read_module_file(MODULE)
    assert module.name == "laxai"
    assert module.locks == {
        "requirements/training.txt": {"pypi_training", "pypi_training_new"},
        "root.txt": {"pypi_root"},
    }
    assert module.default_hub == "pypi_root"
    assert module.own_repositories == ("tree", "woods")
    assert module.labels == {"//tools:tree.bzl", "//toolchains:all"}


@pytest.mark.parametrize(
    ("repository", "hubs"),
    [
        ("@pypi", set()),
        ("@@rules_python~~pip~pypi", set()),
        ("@@rules_python++pip+pypi_training", {"pypi_training"}),
        ("@pypi_training_311_numpy_cp311_manylinux", {"pypi_training"}),
        # Its name fits both, so both may be meant.
        ("@pypi_training_new_311_numpy", {"pypi_training", "pypi_training_new"}),
        ("@rules_python", None),
        ("@pypistuff", None),
        ("", None),
    ],
)
def test_a_repository_s_name_tells_its_hub(repository: str, hubs: set[str] | None) -> None:
    assert read_module_file(MODULE).hubs_meant_by(repository) == hubs


def test_without_locks_no_repository_is_a_hub() -> None:
    module = read_module_file("module(name = 'small')\n")
    assert (module.name, module.locks, module.default_hub, module.own_repositories) == ("small", {}, None, ())
    assert module.hubs_meant_by("@pypi") is None


def test_what_is_no_starlark_is_refused_with_its_line() -> None:
    with pytest.raises(StarlarkError) as refused:
        read_module_file("module(name = 'x')\nbazel_dep(\n")
    assert refused.value.line == 2
