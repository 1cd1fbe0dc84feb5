"""What every service declares, in one call."""

load(":house_rules.bzl", "dependency_rule_test")
load(":image.bzl", "laxai_image")
load(":python.bzl", "py_binary")

_SERVICE_MAIN = """\
\"\"\"Starts `python -m {package}`.\"\"\"

import runpy

runpy.run_module("{package}", run_name="__main__", alter_sys=True)
"""

def _main_impl(ctx):
    ctx.actions.write(ctx.outputs.out, _SERVICE_MAIN.format(package = ctx.attr.package))

_service_main = rule(
    implementation = _main_impl,
    attrs = {
        "out": attr.output(mandatory = True),
        "package": attr.string(mandatory = True),
    },
)

def laxai_service(name, package, deps, data = [], ports = [], visibility = ["//deploy/local:__subpackages__"]):
    """A service: its command line, its image, and the tests that it keeps the rules of the house.

    `bazel run //services/<name>` is the same as `python -m <package>` in the service's .venv.

    Args:
        name: the service's name, which is its folder's.
        package: the Python package below src/.
        deps: the library of that package.
        data: files that the program reads at run time.
        ports: ports that it listens on, for its image.
        visibility: who may start the service: deploy/local puts the services together.
    """
    main = name + "_main.py"
    _service_main(
        name = name + "_main",
        out = main,
        package = package,
    )
    py_binary(
        name = name,
        srcs = [main],
        data = data,
        main = main,
        visibility = visibility,
        deps = deps,
    )
    laxai_image(
        name = "image",
        binary = name,
        package = package,
        ports = ports,
        service = name,
        visibility = [
            "//deploy:__subpackages__",
            "//{}:__subpackages__".format(native.package_name()),
        ],
    )
    dependency_rule_test(
        name = name + "_house_rules",
        allowed = [native.package_name()],
        forbidden = [
            "deploy",
            "services",
            "tools",
        ],
        target = ":" + name,
        why = "A service depends on shared_libs and on its own lock: not on another service, nor on what does not ship.",
    )
