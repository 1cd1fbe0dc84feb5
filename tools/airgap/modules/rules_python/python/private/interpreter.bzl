"""The repository that holds the interpreter as one directory."""

_BUILD = """\
exports_files(["python"], visibility = ["//visibility:public"])

# As in the real module, where it is files and not one directory.
filegroup(
    name = "files",
    srcs = ["python"],
    visibility = ["//visibility:public"],
)
"""

def _interpreter_repository_impl(rctx):
    home = rctx.getenv("LAXAI_AIRGAP_PYTHON")
    if not home:
        fail("LAXAI_AIRGAP_PYTHON is not set: --config=airgap works through ./bazelw, which provides the interpreter")

    # A copy, so that the build's inputs do not change when the cache folder does.
    # Links that lead out of it (Debian's sitecustomize.py, to /etc) are nothing that a cache could hold.
    result = rctx.execute(["sh", "-ec", 'cp -a "$1" python; find python -xtype l -delete', "sh", home])
    if result.return_code:
        fail("copying the interpreter from {} failed: {}".format(home, result.stderr))
    rctx.file("BUILD.bazel", _BUILD)

interpreter_repository = repository_rule(
    implementation = _interpreter_repository_impl,
    doc = "CPython 3.11 from the folder that LAXAI_AIRGAP_PYTHON names.",
)
