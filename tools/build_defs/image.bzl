"""The image of a service: `:image`, `:image_load`, `:image_push`, and the test of it."""

load("@rules_oci//oci:defs.bzl", "oci_image", "oci_load", "oci_push")
load("@tar.bzl", "tar")
load("//tools/build_defs/image:layer.bzl", "layer_contents")
load("//tools/build_defs/image:one_configuration.bzl", "one_configuration")
load("//tools/build_defs/image:sbom.bzl", "image_sbom")
load("//tools/build_defs/image:stamp.bzl", "image_labels", "image_tags")
load(":python.bzl", "pytest_test")

_CHECK = Label("//tools/build_defs/image:image_check.py")

_CONTAINER = Label("//tools/build_defs/image:container")

_INTERPRETER = Label("//tools/build_defs/image:interpreter")

_IS_STAMPED = Label("//tools/build_defs/image:is_stamped")

# The user `nonroot` of distroless images, by number: Kubernetes' runAsNonRoot cannot look names up.
_USER = "65532:65532"

_ENVIRONMENT = {
    # The root is read-only; whoever starts a container gives it a /tmp.
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "PATH": "/opt/python/bin:/usr/local/bin:/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": "/app:/opt/site-packages",
    # No module comes from the folder where somebody stands.
    "PYTHONSAFEPATH": "1",
    # Logs leave the container when they are written.
    "PYTHONUNBUFFERED": "1",
}

def laxai_image(name, binary, package, service, ports = [], tags = [], visibility = None):
    """A service's image on the distroless base: interpreter, wheels, code, in this order, each a layer.

    What changes most comes last, so a change of code uploads code only. Nothing in a layer depends on where or when it was
    built. `bazel run :<name>_push -- --repository R --tag T` pushes, `:<name>_load` hands it to docker or podman.

    Args:
        name: the image's name.
        binary: the service's program.
        package: its Python package, which the entry point starts.
        service: the service's name, for labels and the loaded image's tag.
        ports: ports that the service listens on, such as "8080/tcp".
        tags: as for every rule.
        visibility: who may use the image.
    """
    for part in ["packages", "code"]:
        contents = "{}_{}_contents".format(name, part)
        layer_contents(
            name = contents,
            binary = binary,
            part = part,
            tags = tags,
        )
        native.filegroup(
            name = "{}_{}_content".format(name, part),
            srcs = [contents],
            output_group = "content",
            tags = tags,
        )
        tar(
            name = "{}_{}".format(name, part),
            srcs = ["{}_{}_content".format(name, part)],
            # What registries and engines of any age read.
            compress = "gzip",
            mtree = contents,
            tags = tags,
            visibility = visibility,
        )
    image_labels(
        name = name + "_labels",
        labels = {
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.source": "https://github.com/fmousinho/LaxAI",
            "org.opencontainers.image.title": service,
        },
        stamped = select({
            _IS_STAMPED: True,
            "//conditions:default": False,
        }),
        tags = tags,
        version = native.module_version(),
    )
    oci_image(
        name = name + "_layout",
        base = "@distroless_cc",
        entrypoint = [
            "/opt/python/bin/python3.11",
            "-m",
            package,
        ],
        env = _ENVIRONMENT,
        exposed_ports = ports,
        labels = name + "_labels",
        tags = tags,
        tars = [
            _INTERPRETER,
            name + "_packages",
            name + "_code",
        ],
        user = _USER,
        workdir = "/tmp",
    )
    for end in ["", ".digest"]:
        one_configuration(
            name = name + end,
            tags = tags,
            target = name + "_layout" + end,
            visibility = visibility,
        )
    oci_load(
        name = name + "_load",
        image = name,
        repo_tags = ["laxai-{}:latest".format(service)],
        tags = tags,
        visibility = visibility,
    )
    image_tags(
        name = name + "_tags",
        # Bazel's status, which it is made from, names the machine and its user: in //..., each would make its own.
        tags = tags + ["manual"],
    )
    oci_push(
        name = name + "_push",
        image = name,
        # Unstamped builds push by digest, and under the tags that whoever pushes names.
        remote_tags = select({
            _IS_STAMPED: name + "_tags",
            "//conditions:default": None,
        }),
        tags = tags,
        visibility = visibility,
    )
    image_sbom(
        name = name + "_sbom",
        base = "@distroless_cc",
        code = name + "_code_contents",
        packages = name + "_packages_contents",
        service = service,
        tags = tags,
        visibility = visibility,
    )
    pytest_test(
        name = name + "_test",
        size = "medium",
        srcs = [_CHECK],
        data = [
            name,
            name + "_push",
        ],
        env = {
            "IMAGE": "$(rootpath {})".format(name),
            "PACKAGE": package,
            "PUSH": "$(rootpath {}_push)".format(name),
            "SERVICE": service,
        },
        tags = tags,
        deps = [_CONTAINER],
    )
