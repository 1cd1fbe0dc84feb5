"""A base image made of Debian packages."""

def _debian_base_impl(ctx):
    output = ctx.actions.declare_directory(ctx.label.name)
    arguments = ctx.actions.args()
    arguments.add(output.path, format = "--output=%s")
    arguments.add(ctx.attr.architecture, format = "--architecture=%s")
    if ctx.attr.variant:
        arguments.add(ctx.attr.variant, format = "--variant=%s")
    arguments.add_all(ctx.files.packages)
    ctx.actions.run(
        outputs = [output],
        inputs = ctx.files.packages,
        executable = ctx.executable._debian_base,
        arguments = [arguments],
        mnemonic = "DebianBase",
        progress_message = "Making a base image of Debian packages",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([output]))]

debian_base = rule(
    implementation = _debian_base_impl,
    doc = "An OCI layout whose one layer holds what Debian packages unpack to.",
    attrs = {
        "architecture": attr.string(mandatory = True),
        "packages": attr.label_list(allow_files = [".deb"], mandatory = True),
        "variant": attr.string(),
        "_debian_base": attr.label(default = "//oci/private:debian_base", cfg = "exec", executable = True),
    },
)
