"""Version and commit, written into images under --config=release only: anywhere else they would spoil caching.

They come from Bazel's workspace status (https://bazel.build/docs/user-manual#workspace-status), which status.sh beside this
file writes: STABLE_LAXAI_COMMIT, and STABLE_LAXAI_VERSION where the commit has a tag.
"""

_READ_STATUS = """\
set -eu
status=$1
value() { sed -n "s/^$1 //p" "$status"; }
"""

def _image_labels_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".txt")
    lines = ["{}={}".format(name, value) for name, value in ctx.attr.labels.items()]
    if not ctx.attr.stamped:
        lines += [
            "org.opencontainers.image.revision=unstamped",
            "org.opencontainers.image.version=" + ctx.attr.version,
        ]
        ctx.actions.write(out, "\n".join(sorted(lines)) + "\n")
    else:
        unstamped = ctx.actions.declare_file(ctx.label.name + ".unstamped.txt")
        ctx.actions.write(unstamped, "\n".join(sorted(lines)) + "\n")
        ctx.actions.run_shell(
            outputs = [out],
            inputs = [unstamped, ctx.info_file],
            arguments = [ctx.info_file.path, unstamped.path, out.path, ctx.attr.version],
            command = _READ_STATUS + """
version=$(value STABLE_LAXAI_VERSION)
{
    cat "$2"
    echo "org.opencontainers.image.revision=$(value STABLE_LAXAI_COMMIT)"
    echo "org.opencontainers.image.version=${version:-$4}"
} >"$3"
""",
            mnemonic = "ImageLabels",
            use_default_shell_env = True,
        )
    return [DefaultInfo(files = depset([out]))]

image_labels = rule(
    implementation = _image_labels_impl,
    doc = "Labels of the OCI image specification, one `name=value` a line.",
    attrs = {
        "labels": attr.string_dict(),
        "stamped": attr.bool(),
        "version": attr.string(mandatory = True, doc = "The version of what has no tag."),
    },
)

def _image_tags_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.run_shell(
        outputs = [out],
        inputs = [ctx.info_file],
        arguments = [ctx.info_file.path, out.path],
        command = _READ_STATUS + """
commit=$(value STABLE_LAXAI_COMMIT)
version=$(value STABLE_LAXAI_VERSION)
# A tag holds letters, digits, `_`, `.` and `-`; 128 of them.
{
    echo "$commit"
    [ -z "$version" ] || echo "$version"
} | tr -c 'A-Za-z0-9_.\\n-' - | cut -c -128 >"$2"
""",
        mnemonic = "ImageTags",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([out]))]

image_tags = rule(
    implementation = _image_tags_impl,
    doc = "The tags of a released image, one a line: its commit, and its version where it has one.",
)
