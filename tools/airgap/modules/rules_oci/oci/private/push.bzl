"""The rule behind the macro `oci_push`."""

load("//oci/private:runfiles.bzl", "runfiles_path")

def _oci_push_impl(ctx):
    if not ctx.file.image.is_directory:
        fail("image attribute must be a oci_image or oci_image_index")
    if "@" in ctx.attr.repository or ":" in ctx.attr.repository.split("/")[-1]:
        fail("`repository` attribute should not contain digest or tag. got: {}".format(ctx.attr.repository))
    files = {
        name: getattr(ctx.file, name)
        for name in ["image", "remote_tags", "repository_file"]
        if getattr(ctx.file, name)
    }
    executable = ctx.actions.declare_file("push_{}.sh".format(ctx.label.name))
    ctx.actions.expand_template(
        template = ctx.file._script,
        output = executable,
        is_executable = True,
        substitutions = {
            "%repository%": ctx.attr.repository,
        } | {
            "%{}%".format(name): runfiles_path(ctx, files[name]) if name in files else ""
            for name in ["image", "remote_tags", "repository_file"]
        },
    )
    return [DefaultInfo(executable = executable, runfiles = ctx.runfiles(files = files.values()))]

oci_push = rule(
    implementation = _oci_push_impl,
    executable = True,
    doc = "A program that pushes an image to a registry.",
    attrs = {
        "image": attr.label(allow_single_file = True, mandatory = True),
        "remote_tags": attr.label(allow_single_file = True),
        "repository": attr.string(),
        "repository_file": attr.label(allow_single_file = True),
        "_script": attr.label(allow_single_file = True, default = "//oci/private:push.sh.tpl"),
    },
)
