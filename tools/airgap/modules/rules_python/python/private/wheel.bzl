"""One repository per wheel: pip installs it, checking the lock's hashes.

The wheel is handed on as one directory rather than as its thousands of files, so that runfiles and sandboxes stay
small. The price: a change inside it is seen only when the repository is fetched anew, which a changed lock line does.
"""

def _wheel_repository_impl(rctx):
    python = rctx.getenv("LAXAI_AIRGAP_PYTHON")
    pip = rctx.getenv("LAXAI_AIRGAP_PIP")
    if not python or not pip:
        fail("LAXAI_AIRGAP_PYTHON and LAXAI_AIRGAP_PIP are not set: --config=airgap works through ./bazelw, which provides them")
    package = rctx.attr.requirement.split(" ")[0]
    rctx.report_progress("Installing " + package)
    rctx.file("requirement.txt", rctx.attr.requirement.replace(" --hash", " \\\n    --hash") + "\n")
    result = rctx.execute(
        [
            python + "/bin/python3.11",
            "-s",
            "-B",
            rctx.path(Label("//python/private:install_wheel.py")),
            "requirement.txt",
            "site-packages",
            "requires.json",
        ],
        environment = {
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": pip,
        },
        timeout = 1800,
    )
    if result.return_code:
        fail("{} could not be installed:\n{}".format(package, result.stderr.strip() or result.stdout.strip()))
    rctx.file("BUILD.bazel", 'exports_files(["site-packages", "requires.json"], visibility = ["//visibility:public"])\n')

wheel_repository = repository_rule(
    implementation = _wheel_repository_impl,
    attrs = {"requirement": attr.string(mandatory = True, doc = "One pinned requirement with its hashes.")},
)
