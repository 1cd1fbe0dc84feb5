"""The rule behind the macro `oci_load`."""

load("//oci/private:runfiles.bzl", "runfiles_path")

def _oci_load_impl(ctx):
    tarball = ctx.actions.declare_file(ctx.label.name + "/tarball.tar")
    inputs = [ctx.file.image, ctx.file.repo_tags]
    arguments = ctx.actions.args()
    arguments.add(ctx.file.image.path, format = "--image=%s")
    arguments.add(ctx.file.repo_tags, format = "--tags=%s")
    arguments.add(ctx.attr.format, format = "--format=%s")
    arguments.add(tarball, format = "--output=%s")

    # Large, and rarely wanted as a file: made only where the output group is asked for.
    ctx.actions.run(
        outputs = [tarball],
        inputs = inputs,
        executable = ctx.executable._archive,
        arguments = [arguments],
        mnemonic = "OCITarball",
        progress_message = "Archiving the image %{label}",
        use_default_shell_env = True,
    )

    executable = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.expand_template(
        template = ctx.file._script,
        output = executable,
        is_executable = True,
        substitutions = {
            "%archive%": runfiles_path(ctx, ctx.executable._archive),
            "%format%": ctx.attr.format,
            "%image%": runfiles_path(ctx, ctx.file.image),
            "%loader%": runfiles_path(ctx, ctx.executable.loader) if ctx.executable.loader else "",
            "%tags%": runfiles_path(ctx, ctx.file.repo_tags),
        },
    )
    runfiles = ctx.runfiles(files = inputs).merge(ctx.attr._archive[DefaultInfo].default_runfiles)
    if ctx.attr.loader:
        runfiles = runfiles.merge(ctx.attr.loader[DefaultInfo].default_runfiles)
        runfiles = runfiles.merge(ctx.runfiles([ctx.executable.loader]))
    return [
        DefaultInfo(executable = executable, runfiles = runfiles),
        OutputGroupInfo(tarball = depset([tarball])),
    ]

oci_load = rule(
    implementation = _oci_load_impl,
    executable = True,
    doc = "A program that loads an image into docker, podman or nerdctl.",
    attrs = {
        "format": attr.string(default = "docker", values = ["docker", "oci"]),
        "image": attr.label(allow_single_file = True, mandatory = True),
        "loader": attr.label(allow_files = True, cfg = "target", executable = True),
        "repo_tags": attr.label(allow_single_file = [".txt"], mandatory = True),
        "_archive": attr.label(default = "//oci/private:docker_archive", cfg = "exec", executable = True),
        "_script": attr.label(allow_single_file = True, default = "//oci/private:load.sh.tpl"),
    },
)
