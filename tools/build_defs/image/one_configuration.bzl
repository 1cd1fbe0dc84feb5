"""The same target for whoever asks.

A test is built for its lock (locks.bzl), and so is what it is given as data. An image is made for its service's lock whoever
asks, and would be made once more for each lock of a test.
"""

_VENV = "@rules_python//python/config_settings:venv"

# rules_python's own default.
_no_lock = transition(
    implementation = lambda settings, attr: {_VENV: "auto"},
    inputs = [],
    outputs = [_VENV],
)

def _one_configuration_impl(ctx):
    information = ctx.attr.target[DefaultInfo]
    return [DefaultInfo(files = information.files, runfiles = information.default_runfiles)]

one_configuration = rule(
    implementation = _one_configuration_impl,
    doc = "What a target is where nobody has chosen a lock.",
    attrs = {"target": attr.label(mandatory = True)},
    cfg = _no_lock,
)
