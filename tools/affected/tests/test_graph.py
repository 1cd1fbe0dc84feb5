"""Bazel's answer is read: rules, what uses what, and the lock that a rule chooses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affected.graph import plain, read_graph
from affected.tests.graphs import generated, graph, package_group, rule, source

# Printed by Bazel 7.7 in this workspace, attributes and inputs shortened.
RECORDED = """\
{"type":"SOURCE_FILE","sourceFile":{"name":"//a/tests:BUILD.bazel","visibilityLabel":["//visibility:private"]}}
{"type":"RULE","rule":{"name":"//a/tests:test_augmenting","ruleClass":"py_test","attribute":[{"name":"config_settings","type":"SELECTOR_LIST","explicitlySpecified":true,"selectorList":{"type":"STRING_DICT","elements":[{"entries":[{"label":"//tools/build_defs:accelerator_is_cuda","stringDictValue":[{"key":"@rules_python//python/config_settings:venv","value":"pypi_training_cuda"}],"isDefaultValue":false},{"label":"//conditions:default","stringDictValue":[{"key":"@rules_python//python/config_settings:venv","value":"pypi_training"}],"isDefaultValue":false}],"hasDefaultValue":true,"noMatchError":""}]}},{"name":"tags","type":"STRING_LIST","explicitlySpecified":false,"nodep":false},{"name":"$rule_implementation_hash","type":"STRING","stringValue":"94bd"}],"ruleInput":["//a/src/training:training","//tools/build_defs:accelerator_is_cuda","@bazel_tools//tools/test:runtime","@pypi//torch:torch","@@rules_python~~python~python_3_11//:python"]}}
{"type":"RULE","rule":{"name":"//:gazelle","ruleClass":"unavailable","attribute":[{"name":"tags","type":"STRING_LIST","stringListValue":["manual"],"explicitlySpecified":true,"nodep":false}]}}
{"type":"GENERATED_FILE","generatedFile":{"name":"//a:a_main.py","generatingRule":"//a:a_main"}}
"""


def test_what_bazel_prints_is_read() -> None:
    read = read_graph(RECORDED.splitlines())
    test = read.rules["//a/tests:test_augmenting"]
    assert (test.kind, test.is_test, test.is_manual) == ("py_test", True, False)
    assert test.venvs == {"pypi_training", "pypi_training_cuda"}
    assert read.rules["//:gazelle"].is_manual
    assert not read.rules["//:gazelle"].is_test
    assert read.users["@pypi//torch:torch"] == ["//a/tests:test_augmenting"]
    assert read.users["//tools/build_defs:accelerator_is_cuda"] == ["//a/tests:test_augmenting"]
    assert read.users["//a:a_main"] == ["//a:a_main.py"]
    assert read.packages == {"a/tests", "", "a"}


def test_a_generated_file_stands_between_its_rule_and_its_users() -> None:
    read = graph(rule("//a:make"), generated("//a:out.txt", "//a:make"), rule("//b:use", inputs=["//a:out.txt"]))
    assert read.users["//a:make"] == ["//a:out.txt"]
    assert read.users["//a:out.txt"] == ["//b:use"]


def test_an_input_that_stands_twice_counts_once() -> None:
    assert graph(rule("//a:x", inputs=["//b:y", "//b:y", "@//b:y"])).users["//b:y"].count("//a:x") >= 1


def test_a_rule_that_may_choose_no_lock_takes_its_user_s() -> None:
    read = graph(
        rule("//a:none"),
        rule("//a:one", venv="pypi_x"),
        rule("//a:perhaps", venv={"//c:is_gpu": "pypi_gpu", "//conditions:default": None}),
    )
    assert {label: one.venvs for label, one in read.rules.items()} == {
        "//a:none": frozenset(),
        "//a:one": {"pypi_x"},
        "//a:perhaps": frozenset(),
    }


def test_rules_of_other_repositories_are_passed_through_and_not_rules_of_ours() -> None:
    read = graph(source("@tree//:a.md"), rule("@tree//:markdown", "filegroup", ["@tree//:a.md"]))
    assert read.rules == {}
    assert read.users["@tree//:a.md"] == ["@tree//:markdown"]
    assert read.packages == set()


def test_packages_with_a_package_group_are_noted() -> None:
    assert graph(package_group("//a:friends"), source("//b:f")).groups == {"a"}


def test_what_is_no_target_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        read_graph(["Loading: 0 packages loaded"])


@pytest.mark.parametrize(
    ("label", "whole"),
    [
        ("//a/b", "//a/b:b"),
        ("@//a:x", "//a:x"),
        ("@@//a:x", "//a:x"),
        (":x", "//:x"),
        ("@pypi//numpy", "@pypi//numpy:numpy"),
        ("@@rules_python~~pip~pypi//numpy:numpy", "@@rules_python~~pip~pypi//numpy:numpy"),
    ],
)
def test_a_label_has_one_spelling(label: str, whole: str) -> None:
    assert plain(label) == whole


words = st.text("ab.", min_size=1, max_size=2)


@given(st.sampled_from(["", "@", "@@", "@pypi"]), st.lists(words, min_size=1, max_size=3), st.none() | words)
def test_spelling_a_label_twice_changes_nothing(repository: str, folders: list[str], name: str | None) -> None:
    label = f"{repository}//{'/'.join(folders)}" + (f":{name}" if name else "")
    whole = plain(label)
    assert plain(whole) == whole
    assert whole == f"{repository.replace('@', '') and repository}//{'/'.join(folders)}:{name or folders[-1]}"
