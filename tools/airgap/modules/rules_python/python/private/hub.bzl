"""The hubs: one repository per lock, and one over all of them.

`@pypi_tracking//numpy` is numpy as one lock pins it. `@pypi//numpy` is an alias that follows the flag
`//python/config_settings:venv`. Wheels are named only as strings here, so that a package costs nothing until a
target needs it.
"""

_HUB_BUILD = """\
package(default_visibility = ["//visibility:public"])

alias(
    name = "{name}",
    actual = ":pkg",
)

alias(
    name = "pkg",
    actual = "@{deps_repository}//:pkg",
)
"""

def _deps_repository_name(hub, name):
    return "{}__{}".format(hub, name)

def _hub_repository_impl(rctx):
    rctx.file("BUILD.bazel", "")
    for name in rctx.attr.packages:
        rctx.file(name + "/BUILD.bazel", _HUB_BUILD.format(
            deps_repository = _deps_repository_name(rctx.attr.hub, name),
            name = name,
        ))

_hub_repository = repository_rule(
    implementation = _hub_repository_impl,
    attrs = {
        "hub": attr.string(mandatory = True),
        "packages": attr.string_list(mandatory = True),
    },
)

_LIBRARY_BUILD = """\
load("@rules_python//python:py_library.bzl", "py_library")
load("@rules_python//python/private:wheel_library.bzl", "wheel_library")

wheel_library(
    name = "wheel",
    site_packages = "@{wheel}//:site-packages",
)

py_library(
    name = "pkg",
    deps = {deps},
    visibility = ["//visibility:public"],
)
"""

def _locked_wheel_repository_impl(rctx):
    # A rule sees the repositories beside it by canonical name only, which is its own with another ending.
    prefix = rctx.name.removesuffix(_deps_repository_name(rctx.attr.hub, rctx.attr.package))

    # Fetches the wheel: its metadata says what it needs.
    # buildifier: disable=canonical-repository
    requires = json.decode(rctx.read(Label("@@{}{}//:requires.json".format(prefix, rctx.attr.wheel))))
    needed = {}
    for extra in [""] + rctx.attr.extras:
        for name in requires.get(extra, []):
            # A package that the lock leaves out (pip-tools' "unsafe" ones) is not a dependency that can be met.
            if name in rctx.attr.packages and name != rctx.attr.package:
                needed[name] = True
    deps = [":wheel"] + ["@{}//:pkg".format(_deps_repository_name(rctx.attr.hub, name)) for name in sorted(needed)]
    rctx.file("BUILD.bazel", _LIBRARY_BUILD.format(deps = json.encode(deps), wheel = rctx.attr.wheel))

_locked_wheel_repository = repository_rule(
    implementation = _locked_wheel_repository_impl,
    attrs = {
        "extras": attr.string_list(),
        "hub": attr.string(mandatory = True),
        "package": attr.string(mandatory = True),
        "packages": attr.string_list(mandatory = True),
        "wheel": attr.string(mandatory = True),
    },
    doc = "A wheel with the dependencies that one lock gives it.",
)

def hub_repository(name, wheels, extras):
    """Declares the repositories of one lock.

    Args:
        name: the hub's name, e.g. pypi_tracking.
        wheels: {package: name of the wheel's repository}.
        extras: {package: extras that the lock asks for}.
    """
    _hub_repository(name = name, hub = name, packages = sorted(wheels))
    for package, wheel in wheels.items():
        _locked_wheel_repository(
            name = _deps_repository_name(name, package),
            extras = extras[package],
            hub = name,
            package = package,
            packages = sorted(wheels),
            wheel = wheel,
        )

_UNIFIED_PACKAGE_BUILD = """\
load("@rules_python//python/private:missing.bzl", "missing_package")

package(default_visibility = ["//visibility:public"])

alias(
    name = "{name}",
    actual = ":pkg",
)

alias(
    name = "pkg",
    actual = select({choices}),
)
"""

_MISSING = """
missing_package(
    name = "missing_in_{hub}",
    hub = "{hub}",
    package = "{name}",
)
"""

def _unified_hub_repository_impl(rctx):
    rctx.file("BUILD.bazel", 'package(default_visibility = ["//visibility:public"])\n' + "".join([
        """
config_setting(
    name = "is_{hub}",
    flag_values = {{"@rules_python//python/config_settings:venv": "{hub}"}},
)
""".format(hub = hub)
        for hub in rctx.attr.hubs
    ]))
    for name, hubs in rctx.attr.packages.items():
        choices = {}
        missing = []
        for hub in rctx.attr.hubs:
            if hub in hubs:
                choices["//:is_" + hub] = "@{}//{}:pkg".format(hub, name)
            else:
                choices["//:is_" + hub] = ":missing_in_" + hub
                missing.append(hub)
        default = rctx.attr.default_hub
        if default in hubs:
            choices["//conditions:default"] = "@{}//{}:pkg".format(default, name)
        else:
            choices["//conditions:default"] = ":missing_in_" + (default or "default")
            if (default or "default") not in missing:
                missing.append(default or "default")
        rctx.file(name + "/BUILD.bazel", _UNIFIED_PACKAGE_BUILD.format(
            choices = json.encode(choices),
            name = name,
        ) + "".join([_MISSING.format(hub = hub, name = name) for hub in missing]))

unified_hub_repository = repository_rule(
    implementation = _unified_hub_repository_impl,
    attrs = {
        "default_hub": attr.string(),
        "hubs": attr.string_list(mandatory = True),
        "packages": attr.string_list_dict(mandatory = True),
    },
)
