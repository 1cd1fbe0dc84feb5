"""mtree specifications, the lists of what an archive contains: `mtree_spec`, `mtree_mutate` and `mutate`.

The format is that of mtree(5), one entry per line, as libarchive reads it.
"""

load("@bazel_skylib//lib:partial.bzl", "partial")
load("//tar/private:mtree.bzl", _mtree_mutate_rule = "mtree_mutate", _mtree_spec = "mtree_spec")

mtree_spec = _mtree_spec

def mtree_mutate(name, mtree, srcs = None, mtime = None, **kwargs):
    """Changes paths, times and owners in a specification.

    Args:
        name: the target's name; the result is <name>.mtree.
        mtree: the specification, usually an mtree_spec.
        srcs: needed with preserve_symlinks in the real module; not read here (links inside source directories always
            stay links).
        mtime: seconds since 1970 for every entry.
        **kwargs: the other attributes of the rule: strip_prefix, package_dir, owner, ownername, group, groupname,
            awk_script, script_args, includes, preserve_symlinks, and those that every rule has.
    """
    if kwargs.get("preserve_symlinks") and not srcs:
        fail("preserve_symlinks requires srcs to be set in order to resolve symlinks")
    if srcs and type(srcs) != "list":
        srcs = [srcs]
    _mtree_mutate_rule(
        name = name,
        srcs = srcs,
        out = name + ".mtree",
        mtime = str(mtime) if mtime else None,
        mtree = mtree,
        **kwargs
    )

def mutate(**kwargs):
    """An `mtree_mutate` that `tar` completes with its own name and specification."""
    return partial.make(mtree_mutate, **kwargs)
