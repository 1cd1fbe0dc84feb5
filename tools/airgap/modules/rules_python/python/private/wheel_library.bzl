"""An unpacked wheel as one directory on sys.path."""

load("//python/private:providers.bzl", "PyInfo")

def _wheel_library_impl(ctx):
    directory = ctx.file.site_packages
    files = depset([directory])
    return [
        DefaultInfo(files = files),
        PyInfo(
            imports = depset([directory.short_path.removeprefix("../")]),
            transitive_sources = files,
        ),
    ]

wheel_library = rule(
    implementation = _wheel_library_impl,
    attrs = {"site_packages": attr.label(allow_single_file = True, mandatory = True)},
)
