"""The macro `tar`: archives whose bytes follow from their contents alone."""

load("@bazel_skylib//lib:partial.bzl", "partial")
load("//tar/private:mtree.bzl", "mtree_lines", "mtree_spec")
load("//tar/private:tar.bzl", _tar_rule = "tar_rule")

tar_rule = _tar_rule

# What a macro hands on to every target that it makes.
_COMMON = [
    "compatible_with",
    "deprecation",
    "exec_compatible_with",
    "exec_properties",
    "features",
    "restricted_to",
    "tags",
    "target_compatible_with",
    "testonly",
    "visibility",
]

def tar(name, mtree = "auto", mutate = None, include_runfiles = None, stamp = 0, **kwargs):
    """Makes an archive.

    Args:
        name: the target's name; the archive is <name>.tar, or .tar.gz and so on.
        mtree: "auto" for one made from srcs, a list of mtree lines ($(location) and make variables are replaced), or
            the label of a specification.
        mutate: what `mutate(…)` returns; with mtree = "auto" only.
        include_runfiles: whether programs in srcs bring their runfiles; with mtree = "auto" only, where they do.
        stamp: accepted for the real module's sake; 0 and -1 only.
        **kwargs: srcs, out, args, compress, compressor, compressor_args, and what every rule has.
    """
    if mtree != "auto" and mutate:
        fail("mutate is only supported when mtree is 'auto'")
    if mtree != "auto" and include_runfiles != None:
        fail("include_runfiles is only supported when mtree is 'auto'")
    if stamp not in (0, -1):
        fail("stamp: the airgap tar.bzl has no stamped mtree lines")
    common = {key: kwargs[key] for key in _COMMON if key in kwargs}

    specification = name + "_mtree"
    if mtree == "auto":
        mtree_spec(
            name = specification,
            srcs = kwargs.get("srcs", []),
            out = specification + ".txt",
            include_runfiles = include_runfiles != False,
            **common
        )
        if mutate:
            if not partial.is_instance(mutate):
                fail("mutate must be what mutate(…) returns")
            partial.call(mutate, name = name + "__mutated", mtree = specification)
            specification = name + "__mutated"
    elif type(mtree) == "list":
        mtree_lines(
            name = specification,
            srcs = kwargs.get("srcs", []),
            out = specification + ".txt",
            lines = mtree,
            **common
        )
    else:
        specification = mtree

    _tar_rule(
        name = name,
        compress = kwargs.pop("compress", select({
            Label(":compilation_mode.opt"): "gzip",
            "//conditions:default": None,
        })),
        mtree = specification,
        **kwargs
    )
