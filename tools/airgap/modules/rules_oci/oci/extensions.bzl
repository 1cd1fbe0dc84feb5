"""The extension `oci`: `oci.pull`, which here makes a base image out of Debian packages."""

load("//oci/private:pull.bzl", "alias_repository", "base_image_repository")

_CPU_OF_PLATFORM = {
    "linux/amd64": "@platforms//cpu:x86_64",
    "linux/arm64": "@platforms//cpu:arm64",
    "linux/arm64/v8": "@platforms//cpu:arm64",
}

def _pull(tag):
    image = tag.image or tag.registry + "/" + tag.repository
    if not tag.image and not (tag.registry and tag.repository):
        fail("oci.pull({}): set image, or registry and repository".format(tag.name))
    if not tag.digest and not tag.tag and "@" not in image:
        fail("oci.pull({}): set digest or tag".format(tag.name))

    # Without platforms the real module takes the one platform that the image has.
    platforms = {
        "_".join([tag.name] + platform.split("/")): platform
        for platform in tag.platforms
    } or {tag.name + "_single": ""}
    for repository, platform in platforms.items():
        base_image_repository(
            name = repository,
            image = image,
            platform = platform,
            target_name = repository,
        )
    choices = {
        _CPU_OF_PLATFORM[platform]: repository
        for repository, platform in platforms.items()
        if platform in _CPU_OF_PLATFORM
    }
    if tag.platforms and not choices:
        fail("oci.pull({}): none of the platforms {} is known here; known are {}".format(
            tag.name,
            ", ".join(tag.platforms),
            ", ".join(_CPU_OF_PLATFORM),
        ))
    alias_repository(
        name = tag.name,
        choices = choices or {"//conditions:default": tag.name + "_single"},
        target_name = tag.name,
    )

def _oci_impl(module_ctx):
    for module in module_ctx.modules:
        for tag in module.tags.pull:
            _pull(tag)

oci = module_extension(
    implementation = _oci_impl,
    tag_classes = {
        "pull": tag_class(attrs = {
            "bazel_tags": attr.string_list(),
            "config": attr.label(),
            "digest": attr.string(),
            "image": attr.string(),
            "name": attr.string(mandatory = True),
            "platforms": attr.string_list(),
            "registry": attr.string(),
            "repository": attr.string(),
            "reproducible": attr.bool(default = True),
            "tag": attr.string(),
            "www_authenticate_challenges": attr.string_dict(),
        }),
        # The tools stand in the private root; there is nothing to register.
        "toolchains": tag_class(attrs = {"name": attr.string(default = "oci")}),
    },
)
