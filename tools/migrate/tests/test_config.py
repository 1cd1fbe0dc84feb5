"""migration.toml: what it may say, and what a mistake in it is answered with."""

# ruff: noqa: E501 – code before and after, each in one line

from pathlib import Path

import pytest

from migrate.config import SHIPPED, parse_mapping, read_mapping, shipped_mapping
from migrate.model import Kind, MigrationError, Source, Style

COMPONENT = '[[component]]\nname = "service-x"\nkind = "service"\nsources = ["src/x/**"]\n'
SHARED = '[[component]]\nname = "common"\nkind = "shared"\nsources = ["src/common"]\n'


def test_what_is_not_said_has_a_default() -> None:
    mapping = parse_mapping(COMPONENT + SHARED, "m.toml")
    service, shared = mapping.components
    assert (service.target, service.package, service.style) == ("services/service-x", "x", Style.PACKAGE)
    assert (service.home, service.import_root, service.tests_home, service.prefix) == (
        "services/service-x/src/x", "services/service-x/src", "services/service-x/tests", "x",
    )  # fmt: skip
    assert (shared.target, shared.kind, shared.home, shared.prefix) == (
        "shared_libs/common", Kind.SHARED, "shared_libs/common", "shared_libs.common",
    )  # fmt: skip
    assert shared.tests_home == "shared_libs/tests/common"
    assert (mapping.leave, mapping.drop, mapping.tests_by_imports, mapping.origin) == ((), (), True, "m.toml")


def test_everything_that_can_be_said_is_read() -> None:
    mapping = parse_mapping(
        'version = 1\nleave = ["a"]\ndrop = ["b*"]\nallow_edges = ["common  ->service-x"]\n'
        '[tests]\nfolders = ["tests/", "more"]\nby_imports = false\n[strings]\nrewrite = ["a:1"]\nkeep = ["b:2"]\n'
        + COMPONENT.replace('sources = ["src/x/**"]', 'style = "flat"\ntarget = "apps/x/"\ntests = ["tests/x/**"]\n'
        'sources = ["src/x/**", { glob = "lib/**", under = "lib/old" }]') + SHARED, "m",
    )  # fmt: skip
    service = mapping.component("service-x")
    assert (service.target, service.style, service.package, service.home) == ("apps/x", Style.FLAT, "", "apps/x/src")
    assert service.sources == (Source("src/x/**"), Source("lib/**", "lib/old"))
    assert service.tests == ("tests/x/**",)
    assert mapping.allow_edges == (("common", "service-x"),)
    assert (mapping.leave, mapping.drop, mapping.rewrite, mapping.keep) == (("a",), ("b*",), ("a:1",), ("b:2",))
    assert (mapping.tests_folders, mapping.tests_by_imports) == (("tests", "more"), False)


WRONG = {
    "version = 2\n": "version = 2 is not known",
    "leave = 'a'\n": "leave must be a list",
    "leave = [1]\n": "leave must be a list of strings",
    "leav = []\n": "leav is not known; did you mean leave?",
    "leave = ['/etc/*']\n": "'/etc/*' must be relative to the repository's root",
    "leave = ['../x']\n": "must be relative to the repository's root",
    "leave = ['']\n": "must be relative to the repository's root",
    "drop = ['a\\\\b']\n": "must be relative to the repository's root",
    "drop = ['a[z-a]']\n": "is not a glob",
    "tests = 1\n": "tests must be a table",
    "[tests]\nfolder = []\n": "folder is not known; did you mean folders?",
    "[tests]\nby_imports = 1\n": "by_imports must be true or false",
    "allow_edges = ['service-x']\n": 'should be "FROM -> TO"',
    "allow_edges = ['service-x -> comon']\n": "there is no component comon; did you mean common?",
    "component = 1\n": "component must be a list",
    "x = \n": "not valid TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_named_with_the_file(text: str) -> None:
    components = "" if text.startswith("component") else COMPONENT + SHARED
    with pytest.raises(MigrationError, match=r"^m\.toml: ") as caught:
        parse_mapping(text + components, "m.toml")
    assert WRONG[text] in str(caught.value)
    assert "\n" not in str(caught.value)


WRONG_COMPONENTS = {
    COMPONENT.replace('"service-x"', '"../x"'): "name = '../x' must be",
    COMPONENT.replace('name = "service-x"\n', ""): "name = None must be",
    COMPONENT.replace('"service"', '"servic"'): "kind = 'servic' must be one of service, shared",
    COMPONENT.replace('kind = "service"\n', ""): "kind = None must be one of",
    COMPONENT + 'style = "round"\n': "style = 'round' must be one of flat, package",
    COMPONENT + 'target = "/abs"\n': "target = '/abs' must be a folder relative",
    COMPONENT + 'target = "a/../b"\n': "must not have empty parts",
    COMPONENT + 'target = ".git/x"\n': "is not a place for code",
    COMPONENT + 'target = ".migrate"\n': "is not a place for code",
    COMPONENT + "target = 3\n": "target = 3 must be a folder",
    COMPONENT + 'package = "my-package"\n': "package = 'my-package' must be a Python name",
    COMPONENT + 'package = "class"\n': "package = 'class' must be a Python name",
    COMPONENT + 'package = ""\n': "package = '' must be a Python name",
    COMPONENT + "packages = 1\n": "packages is not known; did you mean package?",
    COMPONENT.replace('["src/x/**"]', "[]"): "sources is empty",
    COMPONENT.replace('["src/x/**"]', "[3]"): "a source is a glob",
    COMPONENT.replace('["src/x/**"]', '[{ glob = "a", to = "b" }]'): "to is not known",
    COMPONENT.replace('["src/x/**"]', '[{ glob = "a", under = "../b" }]'): "must not have empty parts",
    COMPONENT.replace('["src/x/**"]', '["/src"]'): "must be relative to the repository's root",
    SHARED + 'target = "shared-libs/common"\n': "each part must be a Python name",
    SHARED + 'target = "shared_libs/import"\n': "each part must be a Python name",
    COMPONENT + COMPONENT: "name service-x stands twice",
    COMPONENT + COMPONENT.replace("service-x", "y") + 'target = "services/service-x"\n': "target services/service-x stands twice",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG_COMPONENTS)
def test_a_mistake_in_a_component_is_named_with_the_component(text: str) -> None:
    with pytest.raises(MigrationError, match=r"^m\.toml: ") as caught:
        parse_mapping(text, "m.toml")
    assert WRONG_COMPONENTS[text] in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="there is no such file"):
        read_mapping(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe4\n")
    with pytest.raises(MigrationError, match="cannot be read as UTF-8"):
        read_mapping(tmp_path / "latin.toml")
    with pytest.raises(MigrationError, match="cannot be read"):
        read_mapping(tmp_path)


def test_the_mappings_that_ship_are_right() -> None:
    for name in SHIPPED:
        assert shipped_mapping(name).components
    with pytest.raises(MigrationError, match="no mapping of that name"):
        shipped_mapping("none")
