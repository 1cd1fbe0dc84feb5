"""The rule behind the macro `tar`: bsdtar on an mtree specification."""

_EXTENSIONS = {
    "": ".tar",
    "bzip2": ".tar.bz2",
    "compress": ".tar.Z",
    "gzip": ".tar.gz",
    "lz4": ".tar.lz4",
    "lzma": ".tar.lzma",
    "xz": ".tar.xz",
    "zstd": ".tar.zst",
}

def _tar_impl(ctx):
    out = ctx.outputs.out or ctx.actions.declare_file(ctx.label.name + _EXTENSIONS[ctx.attr.compress])
    arguments = ctx.actions.args()
    arguments.add("--" + ctx.attr.mode)
    arguments.add_all(ctx.attr.args)
    tools = []
    if ctx.executable.compressor:
        tools = [ctx.attr.compressor[DefaultInfo].files_to_run]
        arguments.add("--use-compress-program")
        arguments.add((ctx.executable.compressor.path + " " + ctx.attr.compressor_args).strip())
    elif ctx.attr.compress:
        arguments.add("--" + ctx.attr.compress)
        if ctx.attr.compress == "gzip":
            arguments.add("--options=gzip:!timestamp")
    arguments.add("--file", out)
    arguments.add(ctx.file.mtree, format = "@%s")

    inputs = [depset([ctx.file.mtree])]
    for target in ctx.attr.srcs:
        information = target[DefaultInfo]
        runfiles = information.default_runfiles
        inputs += [information.files, runfiles.files]
        inputs.append(depset([
            link.target_file
            for link in runfiles.symlinks.to_list() + runfiles.root_symlinks.to_list()
        ]))
        if information.files_to_run and information.files_to_run.repo_mapping_manifest:
            inputs.append(depset([information.files_to_run.repo_mapping_manifest]))

    ctx.actions.run_shell(
        outputs = [out],
        inputs = depset(transitive = inputs),
        tools = tools,
        command = 'exec bsdtar "$@"',
        arguments = [arguments],
        # File names are UTF-8.
        env = {"LC_ALL": "C.UTF-8"},
        mnemonic = "Tar",
        progress_message = "Archiving %{label}",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

tar_rule = rule(
    implementation = _tar_impl,
    doc = "Makes an archive from an mtree specification.",
    attrs = {
        "args": attr.string_list(doc = "Further arguments for bsdtar."),
        "compress": attr.string(values = _EXTENSIONS.keys()),
        "compressor": attr.label(cfg = "exec", executable = True),
        "compressor_args": attr.string(),
        # An optimization of the real module; the archive is the same.
        "compute_unused_inputs": attr.int(default = -1),
        "mode": attr.string(default = "create", values = ["create"]),
        "mtree": attr.label(allow_single_file = True, mandatory = True),
        "out": attr.output(),
        "srcs": attr.label_list(allow_files = True),
    },
)
