"""The digest of an image, as a file."""

def _oci_digest_impl(ctx):
    ctx.actions.run_shell(
        outputs = [ctx.outputs.out],
        inputs = [ctx.file.image],
        command = 'exec jq --raw-output ".manifests[0].digest" "$1/index.json" > "$2"',
        arguments = [ctx.file.image.path, ctx.outputs.out.path],
        mnemonic = "OCIDigest",
        progress_message = "Reading the digest of %{input}",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([ctx.outputs.out]), runfiles = ctx.runfiles([ctx.outputs.out]))]

oci_digest = rule(
    implementation = _oci_digest_impl,
    attrs = {
        "image": attr.label(allow_single_file = True, mandatory = True),
        "out": attr.output(mandatory = True),
    },
)
