"""The rule behind the macro `oci_image`."""

_LAYER_EXTENSIONS = [".tar", ".tgz", ".tar.gz", ".tzst", ".tar.zst"]

# Attributes that are files with one entry per line, or one value; options of assemble_image of the same name.
_FILES = ["created", "entrypoint", "cmd", "exposed_ports", "volumes", "env", "labels", "annotations"]

def _description(ctx, index, layer):
    """What the image has to know of a layer, in an action of its own: unchanged layers are not read again."""
    description = ctx.actions.declare_file("{}.{}.descriptor.json".format(ctx.label.name, index))
    arguments = ctx.actions.args()
    arguments.add(layer)
    arguments.add(description)
    arguments.add(layer.owner)
    ctx.actions.run(
        outputs = [description],
        inputs = [layer],
        executable = ctx.executable._describe_layer,
        arguments = [arguments],
        mnemonic = "OCIDescriptor",
        progress_message = "Describing the layer %{input}",
        use_default_shell_env = True,
    )
    return description

def _oci_image_impl(ctx):
    platform = {
        key: getattr(ctx.attr, key)
        for key in ["architecture", "os", "variant"]
        if getattr(ctx.attr, key)
    }
    if ctx.attr.base and platform:
        fail("'os', 'architecture' and 'variant' come from the image provided by 'base' and cannot be overridden.")
    if not ctx.attr.base and not ("os" in platform and "architecture" in platform):
        fail("'os' and 'architecture' are mandatory when 'base' is unspecified.")

    output = ctx.actions.declare_directory(ctx.label.name)
    arguments = ctx.actions.args()
    arguments.add(output.path, format = "--output=%s")
    inputs = list(ctx.files.tars)
    if ctx.file.base:
        arguments.add(ctx.file.base.path, format = "--base=%s")
        inputs.append(ctx.file.base)
    else:
        arguments.add(json.encode(platform), format = "--platform=%s")
    for index, layer in enumerate(ctx.files.tars):
        description = _description(ctx, index, layer)
        inputs.append(description)
        arguments.add_all(["--layer", layer, description])
    for name in _FILES:
        file = getattr(ctx.file, name)
        if file:
            arguments.add(file, format = "--{}=%s".format(name.replace("_", "-")))
            inputs.append(file)
    if ctx.attr.user:
        arguments.add(ctx.attr.user, format = "--user=%s")
    if ctx.attr.workdir:
        arguments.add(ctx.attr.workdir, format = "--workdir=%s")
    ctx.actions.run(
        outputs = [output],
        inputs = inputs,
        executable = ctx.executable._assemble_image,
        arguments = [arguments],
        mnemonic = "OCIImage",
        progress_message = "Assembling the image %{label}",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([output]))]

oci_image = rule(
    implementation = _oci_image_impl,
    doc = "An image as an OCI layout.",
    attrs = {name: attr.label(allow_single_file = True) for name in _FILES} | {
        "architecture": attr.string(),
        "base": attr.label(allow_single_file = True),
        "os": attr.string(),
        "tars": attr.label_list(allow_files = _LAYER_EXTENSIONS),
        "user": attr.string(),
        "variant": attr.string(),
        "workdir": attr.string(),
        "_assemble_image": attr.label(default = "//oci/private:assemble_image", cfg = "exec", executable = True),
        "_describe_layer": attr.label(default = "//oci/private:describe_layer", cfg = "exec", executable = True),
    },
)
