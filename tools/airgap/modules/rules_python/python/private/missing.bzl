"""A package that a lock does not have: an error when something is built with it, not before."""

load("//python/private:providers.bzl", "PyInfo")

def _missing_package_impl(ctx):
    message = "The lock of the hub '{hub}' has no package '{package}': add it to that lock's .in file and run 'bazel run //tools/lock'".format(
        hub = ctx.attr.hub,
        package = ctx.attr.package,
    )
    failure = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.run_shell(
        outputs = [failure],
        command = 'echo >&2 "$1"; exit 1',
        arguments = [message],
        mnemonic = "MissingPackage",
        progress_message = "Looking for {} in {}".format(ctx.attr.package, ctx.attr.hub),
    )
    files = depset([failure])
    return [
        DefaultInfo(files = files),
        PyInfo(imports = depset(), transitive_sources = files),
    ]

missing_package = rule(
    implementation = _missing_package_impl,
    attrs = {
        "hub": attr.string(mandatory = True),
        "package": attr.string(mandatory = True),
    },
)
