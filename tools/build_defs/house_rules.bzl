"""The rules of the house that visibility cannot say, as queries whose result must be empty.

Visibility stops a direct dependency; these stop one that comes by a detour.
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
