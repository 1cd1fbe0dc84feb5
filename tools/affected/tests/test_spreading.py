"""From causes to the targets that are affected, and why."""

from hypothesis import given
from hypothesis import strategies as st

from affected.causes import Causes
from affected.graph import Graph
from affected.module_file import ModuleFile
from affected.spreading import spread
from affected.tests.graphs import generated, graph, rule, source

NONE = ModuleFile("", {}, None, frozenset(), ())
LOCKS = ModuleFile(
    "",
    {
        "requirements/base.txt": frozenset({"pypi_base"}),
        "requirements/cloud.txt": frozenset({"pypi_cloud"}),
        "requirements/gpu.txt": frozenset({"pypi_gpu"}),
    },
    "pypi_base",
    frozenset(),
    (),
)

# A library that needs numpy, and what is built from it against one lock or another.
WHEELS = graph(
    rule("//lib:boxes", "py_library", ["//lib:boxes.py", "@pypi//numpy:numpy"]),
    rule("//lib:words", "py_library", ["@pypi//rich:rich"]),
    rule("//lib:test_boxes", "py_test", ["//lib:boxes"], venv="pypi_base"),
    rule("//lib:test_boxes_cloud", "py_test", ["//lib:boxes"], venv="pypi_cloud"),
    rule("//cloud:cloud", "py_binary", ["//lib:boxes"], venv="pypi_cloud"),
    rule("//cloud:image", "oci_image", ["//cloud:cloud"]),
    rule(
        "//gpu:gpu", "py_binary", ["//lib:boxes"], venv={"//c:is_gpu": "pypi_gpu", "//conditions:default": "pypi_cloud"}
    ),
    rule("//base:test_start", "py_test", ["//cloud:cloud"], venv="pypi_base"),
    rule("//cloud:test_words", "py_test", ["//lib:words"], venv="pypi_cloud"),
)


def affected(of: Graph, causes: Causes, module: ModuleFile = NONE) -> set[str]:
    return {found.label for found in spread(of, causes, module).rules}


def test_a_changed_file_affects_what_is_built_from_it_through_generated_files() -> None:
    made = graph(
        source("//a:in.txt"),
        rule("//a:make", inputs=["//a:in.txt"]),
        generated("//a:out.txt", "//a:make"),
        rule("//b:use", inputs=["//a:out.txt"]),
        rule("//b:other", inputs=["//a:else.txt"]),
    )
    effect = spread(made, Causes(labels={"//a:in.txt": "a/in.txt was modified"}), NONE)
    assert [found.label for found in effect.rules] == ["//a:make", "//b:use"]
    assert effect.ways["//b:use"] == ("a/in.txt was modified", "//a:in.txt", "//a:make", "//a:out.txt")


def test_the_shortest_way_explains() -> None:
    made = graph(
        rule("//a:long", inputs=["//a:f"]),
        rule("//a:longer", inputs=["//a:long"]),
        rule("//a:end", inputs=["//a:longer", "//a:f"]),
    )
    assert spread(made, Causes(labels={"//a:f": "why"}), NONE).ways["//a:end"] == ("why", "//a:f")


def test_a_package_counts_with_all_its_targets_and_with_whoever_names_one_that_is_gone() -> None:
    made = graph(rule("//a:x"), rule("//b:y", inputs=["//a:gone"]), rule("//b:z"), rule("//ab:n"))
    assert affected(made, Causes(packages={"a": "why"})) == {"//a:x", "//b:y"}


def test_circles_end() -> None:
    # Bazel has none, but a graph of this form must not hang.
    made = graph(rule("//a:x", inputs=["//a:y", "//a:f"]), rule("//a:y", inputs=["//a:x"]))
    assert affected(made, Causes(labels={"//a:f": "why"})) == {"//a:x", "//a:y"}


def test_everything_is_everything_and_says_why() -> None:
    effect = spread(WHEELS, Causes(everything=[".bazelrc was modified: its flags hold for every target"]), LOCKS)
    assert len(effect.rules) == len(WHEELS.rules)
    assert effect.ways["//cloud:image"] == (".bazelrc was modified: its flags hold for every target",)


def test_nothing_is_nothing() -> None:
    assert affected(WHEELS, Causes(), LOCKS) == set()
    assert affected(WHEELS, Causes(labels={"//docs:page.md": "why"}), LOCKS) == set()


def test_a_wheel_affects_what_is_built_against_its_lock_and_what_is_made_of_that() -> None:
    causes = Causes(wheels={("pypi_cloud", "numpy"): "numpy 1 -> 2"})
    # The library itself is built against the default lock, which did not change.
    assert affected(WHEELS, causes, LOCKS) == {
        "//lib:test_boxes_cloud",
        "//cloud:cloud",
        "//cloud:image",
        "//gpu:gpu",
        "//base:test_start",
    }


def test_a_wheel_of_the_default_lock_affects_libraries_too_but_not_their_users_against_other_locks() -> None:
    causes = Causes(wheels={("pypi_base", "numpy"): "numpy 1 -> 2"})
    assert affected(WHEELS, causes, LOCKS) == {"//lib:boxes", "//lib:test_boxes"}


def test_a_lock_that_a_select_may_choose_counts() -> None:
    assert affected(WHEELS, Causes(wheels={("pypi_gpu", "numpy"): "why"}), LOCKS) == {"//gpu:gpu"}


def test_a_wheel_that_nothing_uses_affects_nothing() -> None:
    assert affected(WHEELS, Causes(wheels={("pypi_base", "pip"): "why"}), LOCKS) == set()


def test_a_lock_that_cannot_be_read_counts_with_all_its_wheels() -> None:
    causes = Causes(wheels={("pypi_cloud", ""): "why"})
    assert affected(WHEELS, causes, LOCKS) == {
        "//lib:test_boxes_cloud",
        "//cloud:cloud",
        "//cloud:image",
        "//gpu:gpu",
        "//base:test_start",
        "//cloud:test_words",
    }


def test_a_wheel_that_is_taken_from_one_lock_by_name_counts_whatever_its_user_is_built_against() -> None:
    made = graph(
        rule("//a:tool", "py_library", ["@pypi_cloud//numpy:numpy"]),
        rule("//a:test_tool", "py_test", ["//a:tool"], venv="pypi_base"),
        rule("//a:wheel", "filegroup", ["@@rules_python~~pip~pypi_cloud_311_numpy_cp311//:pkg"]),
        rule("//a:other", "py_library", ["@pypi_base//numpy:numpy"]),
    )
    causes = Causes(wheels={("pypi_cloud", "numpy"): "why"})
    assert affected(made, causes, LOCKS) == {"//a:tool", "//a:test_tool", "//a:wheel"}


def test_a_rule_of_another_kind_may_choose_the_lock_itself() -> None:
    made = graph(
        rule("//a:lib", "py_library", ["@pypi//numpy:numpy"]),
        rule("//a:layer", "layer_of", ["//a:lib"]),
        rule("//a:test_layer", "py_test", ["//a:layer"], venv="pypi_base"),
    )
    assert affected(made, Causes(wheels={("pypi_cloud", "numpy"): "why"}), LOCKS) == {"//a:layer", "//a:test_layer"}


def test_a_wheel_s_way_is_told() -> None:
    ways = spread(WHEELS, Causes(wheels={("pypi_cloud", "numpy"): "numpy 1 -> 2"}), LOCKS).ways
    assert ways["//cloud:image"] == ("numpy 1 -> 2", "@pypi//numpy:numpy", "//lib:boxes", "//cloud:cloud")


def test_a_repository_counts_with_all_that_it_holds() -> None:
    made = graph(
        rule("@tree//:markdown", "filegroup", ["@tree//:a.md"]),
        rule("//lint:test_links", "py_test", ["@tree//:markdown"]),
        rule("//lint:test_other", "py_test", ["@trees//:markdown"]),
    )
    assert affected(made, Causes(repositories={"tree": "why"})) == {"//lint:test_links"}
    assert affected(made, Causes(labels={"@tree//:a.md": "why"})) == {"//lint:test_links"}
    assert affected(made, Causes(labels={"@tree//:b.md": "why"})) == set()


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, set[int]], set[int]]:
    """{node: what it is made from, of lower number}, and some that changed."""
    count = draw(st.integers(1, 12))
    made_from = {node: draw(st.sets(st.integers(0, node - 1), max_size=3)) if node else set() for node in range(count)}
    return made_from, draw(st.sets(st.integers(0, count - 1), max_size=4))


@given(graphs())
def test_affected_is_exactly_what_leads_down_to_something_changed(drawn: tuple[dict[int, set[int]], set[int]]) -> None:
    made_from, changed = drawn
    made = graph(*(rule(f"//p:t{node}", inputs=[f"//p:t{one}" for one in below]) for node, below in made_from.items()))

    def leads_down(node: int) -> bool:
        return node in changed or any(leads_down(below) for below in made_from[node])

    effect = spread(made, Causes(labels={f"//p:t{node}": f"t{node} changed" for node in changed}), NONE)
    assert {found.label for found in effect.rules} == {f"//p:t{node}" for node in made_from if leads_down(node)}
    for found in effect.rules:
        reason, *way = effect.ways[found.label]
        assert reason == f"{(way or [found.label])[0].removeprefix('//p:')} changed"
        for below, above in zip(way, [*way[1:], found.label], strict=bool(way)):
            assert above in made.users[below]
