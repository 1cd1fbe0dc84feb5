"""The Python sources that a target and its dependencies consist of, as files for a layer."""

load("@rules_python//python:py_info.bzl", "PyInfo")

def _sources_of_impl(ctx):
    return [DefaultInfo(files = depset(transitive = [dep[PyInfo].transitive_sources for dep in ctx.attr.deps]))]

sources_of = rule(
    implementation = _sources_of_impl,
    attrs = {"deps": attr.label_list(mandatory = True, providers = [PyInfo])},
)
