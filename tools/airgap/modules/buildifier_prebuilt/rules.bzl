"""buildifier's rules: loaded by BUILD files, not available in the airgap way of building."""

load("//:unavailable.bzl", "unavailable")

def buildifier(name, visibility = None, tags = [], **_kwargs):
    """Declares a target that says why buildifier does not run here.

    Args:
        name: the target's name.
        visibility: as for any target.
        tags: as for any target.
        **_kwargs: buildifier's own attributes, unused.
    """
    unavailable(
        name = name,
        tags = tags,
        visibility = visibility,
        why = "buildifier is downloaded from its releases, which the airgap way of building does not reach. Run it where the Bazel registry can be reached (./bazelw --which tells), or take the binary that the npm package @bazel/buildifier carries.",
    )
