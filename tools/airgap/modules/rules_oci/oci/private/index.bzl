"""The rule behind the macro `oci_image_index`."""

def _platforms_transition_impl(_, attr):
    # An empty list leaves the images in the configuration that they are asked for in.
    return [{"//command_line_option:platforms": str(platform)} for platform in attr.platforms]

_platforms_transition = transition(
    implementation = _platforms_transition_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

def _oci_image_index_impl(ctx):
    if ctx.attr.platforms and len(ctx.attr.images) != len(ctx.attr.platforms):
        fail("platforms can only be specified when there is exactly one image in the images attribute.")
    output = ctx.actions.declare_directory(ctx.label.name)
    arguments = ctx.actions.args()
    arguments.add(output.path)
    arguments.add_all(ctx.files.images, expand_directories = False)
    ctx.actions.run(
        outputs = [output],
        inputs = ctx.files.images,
        executable = ctx.executable._assemble_index,
        arguments = [arguments],
        mnemonic = "OCIIndex",
        progress_message = "Assembling the index %{label}",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([output]))]

oci_image_index = rule(
    implementation = _oci_image_index_impl,
    doc = "Images for several platforms under one digest.",
    attrs = {
        "images": attr.label_list(cfg = _platforms_transition, mandatory = True),
        "platforms": attr.label_list(providers = [platform_common.PlatformInfo]),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_assemble_index": attr.label(default = "//oci/private:assemble_index", cfg = "exec", executable = True),
    },
)
