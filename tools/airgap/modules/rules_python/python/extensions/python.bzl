"""The extension that brings the interpreter: Debian 12's CPython 3.11, unpacked by bazelw."""

load("//python/private:interpreter.bzl", "interpreter_repository")

def _python_impl(module_ctx):
    for module in module_ctx.modules:
        for tag in module.tags.toolchain + module.tags.defaults:
            if tag.python_version != "3.11":
                fail("python.toolchain: the airgap way of building has CPython 3.11 only, and {} asks for {}".format(
                    module.name,
                    tag.python_version,
                ))
    interpreter_repository(name = "python_3_11")

python = module_extension(
    implementation = _python_impl,
    tag_classes = {
        "defaults": tag_class(attrs = {"python_version": attr.string()}),
        "toolchain": tag_class(attrs = {
            "is_default": attr.bool(),
            "python_version": attr.string(),
        }),
    },
)
