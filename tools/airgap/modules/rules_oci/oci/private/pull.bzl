"""Base images without a registry: the repositories behind `oci.pull`."""

_BASE_BUILD = """\
load("@rules_oci//oci/private:debian_base.bzl", "debian_base")
load("@rules_oci//oci/private:digest.bzl", "oci_digest")

debian_base(
    name = "{target_name}",
    architecture = "{architecture}",
    packages = glob(["packages/*.deb"]),
    variant = "{variant}",
    visibility = ["//visibility:public"],
)

oci_digest(
    name = "{target_name}.digest",
    image = "{target_name}",
    out = "digest.txt",
    visibility = ["//visibility:public"],
)
"""

def _architecture_of(package):
    """The architecture in a package's file name: NAME_VERSION_ARCHITECTURE.deb."""
    return package.basename.removesuffix(".deb").split("_")[-1]

def _base_image_repository_impl(rctx):
    folder = rctx.getenv("LAXAI_AIRGAP_IMAGE_DEBS")
    if not folder:
        fail(("LAXAI_AIRGAP_IMAGE_DEBS is not set, so there is nothing to make a base image from in place of {}: " +
              "--config=airgap works through ./bazelw, which provides the packages").format(rctx.attr.image))
    if not rctx.path(folder).is_dir:
        fail("{} (LAXAI_AIRGAP_IMAGE_DEBS) is not a folder: run ./bazelw again".format(folder))
    rctx.watch_tree(folder)
    packages = [path for path in rctx.path(folder).readdir() if path.basename.endswith(".deb")]
    if not packages:
        fail("{} (LAXAI_AIRGAP_IMAGE_DEBS) holds no .deb file: remove that folder and run ./bazelw again".format(folder))
    architectures = {_architecture_of(package): None for package in packages if _architecture_of(package) != "all"}.keys()
    if len(architectures) != 1:
        fail("{} (LAXAI_AIRGAP_IMAGE_DEBS) must hold packages of one architecture, not {}".format(folder, architectures))

    platform = rctx.attr.platform.split("/") if rctx.attr.platform else ["linux", architectures[0]]
    if platform[:2] != ["linux", architectures[0]]:
        fail("The airgap way makes base images for this machine's platform, linux/{}, and not for {} ({})".format(
            architectures[0],
            rctx.attr.platform,
            rctx.attr.image,
        ))

    # buildifier: disable=print
    print("airgap: a base image made from Debian packages stands in for " + rctx.attr.image)
    for package in packages:
        # Copies, so that the build's inputs do not change when the cache folder does. The version stays out of the
        # name: it may hold characters that labels cannot.
        copy = "packages/{}.deb".format(package.basename.split("_")[0])
        result = rctx.execute(["install", "-D", "-m", "644", package, copy])
        if result.return_code:
            fail("copying {} failed: {}".format(package, result.stderr))
    rctx.file("BUILD.bazel", _BASE_BUILD.format(
        architecture = platform[1],
        target_name = rctx.attr.target_name,
        variant = platform[2] if len(platform) > 2 else "",
    ))

base_image_repository = repository_rule(
    implementation = _base_image_repository_impl,
    attrs = {
        "image": attr.string(mandatory = True, doc = "The image that the base stands in for."),
        "platform": attr.string(doc = "os/architecture[/variant]; this machine's without it."),
        "target_name": attr.string(mandatory = True),
    },
)

_ALIAS_BUILD = """\
package(default_visibility = ["//visibility:public"])

alias(
    name = "{target_name}",
    actual = select({choices}),
)

alias(
    name = "digest",
    actual = select({digests}),
)
"""

def _alias_repository_impl(rctx):
    choices = {}
    digests = {}
    for condition, repository in rctx.attr.choices.items():
        choices[condition] = "@{0}//:{0}".format(repository)
        digests[condition] = "@{0}//:{0}.digest".format(repository)
    rctx.file("BUILD.bazel", _ALIAS_BUILD.format(
        choices = json.encode(choices),
        digests = json.encode(digests),
        target_name = rctx.attr.target_name,
    ))

alias_repository = repository_rule(
    implementation = _alias_repository_impl,
    attrs = {
        "choices": attr.string_dict(mandatory = True, doc = "{condition: repository}"),
        "target_name": attr.string(mandatory = True),
    },
    doc = "The image of the target platform, under the name that oci.pull gives it.",
)
