"""Labels that exist: Bazel looks them up, and builds nothing of them."""

def _existing_labels_impl(ctx):
    result = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.write(result, "".join([
        "//{}:{}\n".format(target.label.package, target.label.name)
        for target in ctx.attr.targets
    ]))
    return [DefaultInfo(files = depset([result]))]

existing_labels = rule(
    implementation = _existing_labels_impl,
    doc = "A file with the labels of targets, one a line, for tests of texts that name them.",
    attrs = {"targets": attr.label_list(mandatory = True)},
)
