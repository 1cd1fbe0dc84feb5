"""In a small workspace of its own, what Bazel builds anew is compared with what was said to be affected.

It starts Bazel, so it is tagged manual, and .ci/run runs it by its name. In the private root of tools/airgap that is
the Bazel there; elsewhere what ./bazelw chooses.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from affected.__main__ import main

BAZELW = Path(__file__).parents[3] / "bazelw"

RULES = """\
def _joined_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.run_shell(
        inputs = ctx.files.srcs,
        outputs = [out],
        command = "(echo '%s'; find -L /dev/null $@ -type f | LC_ALL=C sort | xargs -r cat) >%s" %
                  (ctx.attr.text, out.path),
        arguments = [file.path for file in ctx.files.srcs],
    )
    return [DefaultInfo(files = depset([out]))]

joined = rule(
    implementation = _joined_impl,
    attrs = {"srcs": attr.label_list(allow_files = True), "text": attr.string()},
)
"""
MACRO = """\
load(":rules.bzl", "joined")

def both(name, srcs):
    joined(name = name, srcs = srcs)
    joined(name = name + "_again", srcs = srcs)
"""
LOAD = 'load("//defs:rules.bzl", "joined")\n'
FILES = {
    "MODULE.bazel": 'module(name = "small")\n',
    ".bazelrc": "common --lockfile_mode=off\ntry-import %workspace%/tools/airgap/airgap.bazelrc\n",
    ".bazelignore": "tools\n",
    ".gitignore": "/bazel-*\n/tools\n",
    "defs/BUILD.bazel": 'exports_files(["notes.txt"])\n',
    "defs/rules.bzl": RULES,
    "defs/macro.bzl": MACRO,
    "defs/notes.txt": "notes\n",
    "one/BUILD.bazel": LOAD
    + 'joined(name = "x", srcs = ["x.txt"], visibility = ["//visibility:public"])\n'
    + 'joined(name = "y", srcs = ["y.txt"])\n',
    "one/x.txt": "x\n",
    "one/y.txt": "y\n",
    "two/BUILD.bazel": LOAD
    + 'joined(name = "of_x", srcs = ["//one:x"])\n'
    + 'joined(name = "found", srcs = glob(["data/**"]))\n'
    + 'alias(name = "other", actual = ":of_x")\n'
    + 'joined(name = "top", srcs = [":other"])\n',
    "two/data/a.txt": "a\n",
    "two/data/sub/b.txt": "b\n",
    "three/BUILD.bazel": 'load("//defs:macro.bzl", "both")\n'
    + 'both(name = "both", srcs = ["link.txt", "//defs:notes.txt"])\n',
    "four/BUILD.bazel": LOAD + 'joined(name = "folder", srcs = ["whole"])\n',
    "four/whole/deep/f.txt": "f\n",
}
LINKS = {"three/link.txt": "../one/y.txt"}

EVERY = {
    "//four:folder",
    "//one:x",
    "//one:y",
    "//three:both",
    "//three:both_again",
    "//two:found",
    "//two:of_x",
    "//two:other",
    "//two:top",
}
ALIASES = {"//two:other"}

# {what is done: (files written, or with None deleted; what is affected)}
DEEDS: dict[str, tuple[dict[str, str | None], set[str]]] = {
    "a source": ({"one/x.txt": "xx\n"}, {"//one:x", "//two:of_x", "//two:other", "//two:top"}),
    "a source that a link leads to": ({"one/y.txt": "yy\n"}, {"//one:y", "//three:both", "//three:both_again"}),
    "a source of another package": ({"defs/notes.txt": "more\n"}, {"//three:both", "//three:both_again"}),
    "a file in a folder that is a source": ({"four/whole/deep/f.txt": "ff\n"}, {"//four:folder"}),
    "a new file that glob finds": (
        {"two/data/sub/c.txt": "c\n"},
        {"//two:of_x", "//two:found", "//two:other", "//two:top"},
    ),
    "a file that glob found is gone": (
        {"two/data/a.txt": None},
        {"//two:of_x", "//two:found", "//two:other", "//two:top"},
    ),
    "a new file that nobody asks for": ({"one/z.txt": "z\n"}, set()),
    "a page outside of all packages": ({"page.md": "page\n"}, set()),
    "a BUILD file": (
        {"one/BUILD.bazel": FILES["one/BUILD.bazel"].replace('name = "x"', 'name = "x", text = "more"')},
        {"//one:x", "//one:y", "//two:of_x", "//two:other", "//two:top"},
    ),
    "a macro": ({"defs/macro.bzl": MACRO + "\n# more\n"}, {"//three:both", "//three:both_again"}),
    "a rule": ({"defs/rules.bzl": RULES.replace("echo '%s'", "echo '<%s>'")}, EVERY),
    "a package in a folder of another": (
        {"two/data/sub/BUILD.bazel": 'exports_files(["b.txt"])\n'},
        {"//two:of_x", "//two:found", "//two:other", "//two:top"},
    ),
    "that package goes": (
        {"two/data/sub/BUILD.bazel": None},
        {"//two:of_x", "//two:found", "//two:other", "//two:top"},
    ),
    "flags": ({".bazelrc": FILES[".bazelrc"] + "build --action_env=SOMETHING=1\n"}, EVERY),
    "a rename": (
        {
            "one/x.txt": None,
            "one/w.txt": "xx\n",
            "one/BUILD.bazel": FILES["one/BUILD.bazel"].replace("x.txt", "w.txt"),
        },
        {"//one:x", "//one:y", "//two:of_x", "//two:other", "//two:top"},
    ),
}


def run(root: Path, *words: str) -> str:
    return subprocess.run(words, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout


def commit(root: Path) -> None:
    run(root, "git", "add", "--all")
    run(root, "git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "x")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    ours = BAZELW.resolve().parent
    root = tmp_path_factory.mktemp("small")
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for path, target in LINKS.items():
        (root / path).symlink_to(target)
    # Bazel's own modules ask for older ones of these.
    dependencies = [line for line in (ours / "MODULE.bazel").read_text().splitlines() if line.startswith("bazel_dep(")]
    (root / "MODULE.bazel").write_text("\n".join([FILES["MODULE.bazel"], *dependencies]) + "\n")
    shutil.copy(ours / "bazelw", root)
    shutil.copy(ours / ".bazelversion", root)
    (root / "tools").mkdir()
    (root / "tools" / "airgap").symlink_to(ours / "tools" / "airgap")
    run(root, "git", "init", "--quiet")
    commit(root)
    with pytest.MonkeyPatch.context() as environment:
        if Path("/.host/etc").is_dir():  # the private root, where there is no other Bazel
            environment.setenv("LAXAI_BAZEL", "airgap")
        environment.setenv("BUILD_WORKSPACE_DIRECTORY", str(root))
        yield root
        run(root, "./bazelw", "clean", "--expunge")


def built(root: Path) -> dict[str, str]:
    """Builds everything: {label: digest of what it made}."""
    run(root, "./bazelw", "build", "--noshow_progress", "--ui_event_filters=-info", "//...")
    made = {label: root / "bazel-bin" / (label[2:].replace(":", "/") + ".txt") for label in EVERY - ALIASES}
    return {label: hashlib.sha256(path.read_bytes()).hexdigest() for label, path in made.items()}


def test_what_bazel_makes_anew_was_said_to_be_affected_and_nothing_needlessly(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = built(workspace)
    for deed, (files, expected) in DEEDS.items():
        for path, text in files.items():
            (workspace / path).parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                (workspace / path).unlink()
            else:
                (workspace / path).write_text(text)
        assert main(["HEAD", "--format", "json"]) == 0
        affected = {target["label"] for target in json.loads(capsys.readouterr().out)["targets"]}
        after = built(workspace)
        changed = {label for label in before if before[label] != after[label]}
        assert changed <= affected, deed
        assert affected == expected, deed
        commit(workspace)
        before = after


def test_a_workspace_that_bazel_cannot_read_is_one_line(workspace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (workspace / "one" / "BUILD.bazel").write_text("joined(\n")
    try:
        assert main(["HEAD"]) == 2
    finally:
        run(workspace, "git", "checkout", "--quiet", "--", "one/BUILD.bazel")
    said = capfd.readouterr()
    assert said.out == ""
    assert "one/BUILD.bazel" in said.err
    assert "Bazel's query ended with 7" in said.err.splitlines()[-1]
