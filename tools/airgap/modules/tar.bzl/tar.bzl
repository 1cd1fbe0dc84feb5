"""What `load("@tar.bzl", …)` gives."""

load("//tar:mtree.bzl", _mtree_mutate = "mtree_mutate", _mtree_spec = "mtree_spec", _mutate = "mutate")
load("//tar:tar.bzl", _tar = "tar")

mtree_mutate = _mtree_mutate
mtree_spec = _mtree_spec
mutate = _mutate
tar = _tar
