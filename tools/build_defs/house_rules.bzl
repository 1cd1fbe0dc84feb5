"""The rules of the house that visibility cannot say: visibility stops a direct dependency, these one by a detour.

A query (house_rule_test) sees every branch of every select(), and so fetches what its targets need under every lock.
What may need a lock's gigabytes is asked for what it is built from instead (dependency_rule_test).
"""

load(":python.bzl", "pytest_test")

_TEST = Label("//tools/build_defs:house_rules_check.py")

def house_rule_test(name, forbidden, why):
    """Fails when a query finds something, and prints what it found.

    Args:
        name: the test's name.
        forbidden: {expression of bazel query: targets that its scope is}. The expressions cannot contain wildcards.
        why: the rule, as one sentence for whoever breaks it.
    """
    results = []
    for i, (expression, scope) in enumerate(forbidden.items()):
        query = "{}_query{}".format(name, i)
        native.genquery(
            name = query,
            testonly = True,
            expression = expression,
            scope = scope,
        )
        results.append(query)
    _nothing_found_test(name, results, why)

def dependency_rule_test(name, target, forbidden, allowed, why):
    """Fails when a target is built from something of this workspace that it must not be, and prints what.

    Args:
        name: the test's name.
        target: whose dependencies are looked at, direct and indirect.
        forbidden: packages that it must not depend on, nor on those below them.
        allowed: packages, and those below them, that it may depend on though they are below forbidden ones.
        why: the rule, as one sentence for whoever breaks it.
    """
    forbidden_dependencies(
        name = name + "_found",
        testonly = True,
        allowed = allowed,
        forbidden = forbidden,
        target = target,
    )
    _nothing_found_test(name, [name + "_found"], why)

def _nothing_found_test(name, results, why):
    pytest_test(
        name = name,
        size = "small",
        srcs = [_TEST],
        data = results,
        env = {
            "FORBIDDEN": " ".join(["$(rootpath {})".format(result) for result in results]),
            "WHY": why,
        },
    )

_DependenciesInfo = provider(
    doc = "What a target is built from.",
    fields = {"labels": "depset of Label: everything of this workspace that it depends on, directly or not."},
)

def _targets_in(value):
    """The targets in an attribute's value."""
    if type(value) == "dict":
        value = value.keys() + value.values()
    elif type(value) != "list":
        value = [value]
    return [item for item in value if type(item) == "Target"]

def _dependencies_impl(target, ctx):
    if target.label.repo_name:
        return [_DependenciesInfo(labels = depset())]
    dependencies = [found for name in dir(ctx.rule.attr) for found in _targets_in(getattr(ctx.rule.attr, name))]
    return [_DependenciesInfo(labels = depset(
        # An aspect does not come to source files: they are seen from what has them.
        [found.label for found in dependencies if not found.label.repo_name],
        transitive = [found[_DependenciesInfo].labels for found in dependencies if _DependenciesInfo in found],
    ))]

_dependencies = aspect(
    implementation = _dependencies_impl,
    attr_aspects = ["*"],
)

def _is_below(package, tops):
    return any([package == top or package.startswith(top + "/") for top in tops])

def _forbidden_dependencies_impl(ctx):
    found = [
        "//{}:{}".format(label.package, label.name)
        for label in ctx.attr.target[_DependenciesInfo].labels.to_list()
        if _is_below(label.package, ctx.attr.forbidden) and not _is_below(label.package, ctx.attr.allowed)
    ]
    result = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.write(result, "".join([label + "\n" for label in sorted(found)]))
    return [DefaultInfo(files = depset([result]))]

forbidden_dependencies = rule(
    implementation = _forbidden_dependencies_impl,
    doc = "A file with the dependencies, one a line, that a dependency_rule_test finds.",
    attrs = {
        "allowed": attr.string_list(),
        "forbidden": attr.string_list(mandatory = True),
        "target": attr.label(aspects = [_dependencies], mandatory = True),
    },
)
