"""gazelle's rules: loaded by BUILD files, not available in the airgap way of building."""

load("//:unavailable.bzl", "unavailable")

def gazelle(name, visibility = None, tags = [], **_kwargs):
    """Declares a target that says why Gazelle does not run here.

    Args:
        name: the target's name.
        visibility: as for any target.
        tags: as for any target.
        **_kwargs: Gazelle's own attributes, unused.
    """
    unavailable(
        name = name,
        tags = tags,
        visibility = visibility,
        why = "Gazelle is a Go program built from modules of the Bazel registry, which the airgap way of building does not reach. Run it where the registry can be reached (./bazelw --which tells).",
    )
