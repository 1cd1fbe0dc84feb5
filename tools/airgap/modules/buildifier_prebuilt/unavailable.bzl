"""A program that cannot be had in the airgap way of building: it loads, and says so when it is run."""

def _unavailable_impl(ctx):
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(program, is_executable = True, content = """#!/bin/sh
echo >&2 'error: {name}: {why}'
exit 2
""".format(name = ctx.label, why = ctx.attr.why))
    return DefaultInfo(executable = program, files = depset([program]))

unavailable = rule(
    implementation = _unavailable_impl,
    attrs = {"why": attr.string(mandatory = True)},
    executable = True,
)
