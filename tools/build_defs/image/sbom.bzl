"""What lies in an image, and under which licences: `:image_sbom`, and the test of it."""

load("//tools/build_defs:locks.bzl", "lock_files", "lock_of_package")
load("//tools/build_defs:python.bzl", "pytest_test")
load(":one_configuration.bzl", "one_configuration")

_CHECK = Label("//tools/build_defs/image:sbom_check.py")

_SBOM = Label("//tools/sbom:sbom_lib")

_INTERPRETER = Label("//tools/build_defs/image:interpreter_contents")

def _image_sbom_impl(ctx):
    output = ctx.actions.declare_file(ctx.attr.service + ".cdx.json")
    arguments = ctx.actions.args()
    arguments.add("make")
    arguments.add(ctx.attr.service, format = "--name=%s")
    arguments.add(ctx.attr.version, format = "--version=%s")
    arguments.add(ctx.file.lock, format = "--lock=%s")
    arguments.add(ctx.file.asked, format = "--asked=%s")
    arguments.add(ctx.file.base.path, format = "--base=%s")
    arguments.add_all(ctx.files.contents, format_each = "--specification=%s")
    arguments.add(output, format = "--output=%s")
    ctx.actions.run(
        outputs = [output],
        inputs = depset(
            [ctx.file.lock, ctx.file.asked, ctx.file.base] + ctx.files.contents + ctx.files.includes,
            transitive = [contents[OutputGroupInfo].content for contents in ctx.attr.contents],
        ),
        executable = ctx.executable._sbom,
        arguments = [arguments],
        mnemonic = "ImageSbom",
        progress_message = "Listing what lies in %{label}",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([output]))]

_image_sbom = rule(
    implementation = _image_sbom_impl,
    doc = "A CycloneDX document, `<service>.cdx.json`, of what layers hold.",
    attrs = {
        "asked": attr.label(allow_single_file = [".in"], doc = "What the lock is made from.", mandatory = True),
        "base": attr.label(allow_single_file = True, doc = "The base image, an OCI layout.", mandatory = True),
        "contents": attr.label_list(doc = "The layers' contents (layer_contents).", mandatory = True),
        "includes": attr.label_list(allow_files = True, doc = "What `asked` includes."),
        "lock": attr.label(allow_single_file = [".txt"], mandatory = True),
        "service": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
        "_sbom": attr.label(default = "//tools/sbom", cfg = "exec", executable = True),
    },
)

def image_sbom(name, service, base, packages, code, tags = [], visibility = None):
    """A CycloneDX document of an image, and its test: that it is whole, and that somebody decided about what binds.

    The document is made from the layers' own lists of files, so that what is in the image is in it.

    Args:
        name: the document's target; the test is `<name>_test`.
        service: the service's name, which the document is called after.
        base: the base image.
        packages: the layer_contents of the wheels.
        code: the layer_contents of our code.
        tags: as for every rule.
        visibility: who may use the document.
    """
    lock = lock_files(lock_of_package(native.package_name()))
    _image_sbom(
        name = name + "_document",
        asked = lock.asked,
        base = base,
        contents = [
            _INTERPRETER,
            packages,
            code,
        ],
        includes = [
            Label("//requirements:shared_libs.in"),
            Label("//requirements:training.part"),
        ],
        lock = lock.locked,
        service = service,
        tags = tags,
        version = native.module_version(),
    )
    one_configuration(
        name = name,
        tags = tags,
        target = name + "_document",
        visibility = visibility,
    )
    one_configuration(
        name = name + "_packages",
        tags = tags,
        target = packages,
    )
    pytest_test(
        name = name + "_test",
        size = "small",
        srcs = [_CHECK],
        data = [
            name,
            name + "_packages",
        ],
        env = {
            "PACKAGES": "$(rootpath {}_packages)".format(name),
            "SBOM": "$(rootpath {})".format(name),
        },
        locks = ["tools"],
        tags = tags,
        deps = [
            _SBOM,
            "@pypi//cyclonedx_python_lib",
            # cyclonedx.validation imports them.
            "@pypi//jsonschema",
            "@pypi//packaging",
            "@pypi//referencing",
        ],
    )
