"""The workspace's files as one repository, `@tree`, for tests that look at the whole tree.

A glob ends where the next package begins, and a test that looked into the workspace behind Bazel's back would neither
be kept from other files nor be run anew when those change. Here the listing of every folder is watched, and every file
is linked under its own path, apart from what .gitignore names.
"""

# They would make packages or modules of their own here, or hide files, and the globs below would end before those: their
# links have `.txt` behind the name.
_BAZELS_OWN = [
    ".bazelignore",
    "BUILD",
    "BUILD.bazel",
    "MODULE.bazel",
    "REPO.bazel",
    "WORKSPACE",
    "WORKSPACE.bazel",
]

# What lies in these is a part by itself.
_OF_PARTS = ["services", "tools"]

_BUILD = """\
package(default_visibility = ["//visibility:public"])

# The path of every file of the workspace, one a line.
exports_files(["files.txt"] + glob(["**"]))

filegroup(
    name = "build_files",
    srcs = glob(["**/BUILD.bazel.txt"]),
)

filegroup(
    name = "markdown",
    srcs = glob(["**/*.md"]),
)

# Scripts of the shell, and whatever else has no ending.
filegroup(
    name = "scripts",
    srcs = {scripts},
)

filegroup(
    name = "python",
    srcs = glob(["**/*.py", "**/*.pyi"]),
)

# The same for one folder: @tree//:python_in/services/service-api
[
    filegroup(
        name = "python_in/" + folder,
        srcs = glob([folder + "/**/*.py", folder + "/**/*.pyi"], allow_empty = True),
    )
    for folder in {parts}
]
"""

def _matches(pattern, path, is_dir):
    """Whether a line of .gitignore names this path. Understood are a slash at either end, and a star at either end."""
    if pattern.endswith("/"):
        if not is_dir:
            return False
        pattern = pattern[:-1]
    name = path.split("/")[-1]
    if pattern.startswith("/"):
        pattern, name = pattern[1:], path
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return name.endswith(pattern[1:])
    return name == pattern

def _ignored_patterns(text):
    patterns = [line.strip() for line in text.split("\n")]
    patterns = [pattern for pattern in patterns if pattern and not pattern.startswith("#")]
    for pattern in patterns:
        inside = pattern.removeprefix("/").removesuffix("/").removeprefix("*").removesuffix("*")
        if "*" in inside or "/" in inside or "?" in inside or "[" in inside or pattern.startswith("!"):
            fail(".gitignore: '{}' is more than tools/build_defs/tree.bzl understands".format(pattern))
    return patterns

def _files(root, patterns):
    """Every file below a folder: {path from there: path object}."""
    found = {}
    pending = [("", root)]

    # Starlark knows neither recursion nor `while`.
    for _ in range(1000000):
        if not pending:
            break
        prefix, folder = pending.pop()
        for entry in folder.readdir(watch = "yes"):
            path = prefix + entry.basename
            if path == ".git" or any([_matches(pattern, path, entry.is_dir) for pattern in patterns]):
                continue
            if entry.is_dir:
                pending.append((path + "/", entry))
            elif entry.exists:
                found[path] = entry
    return found

def _parts(files):
    """The folders that are looked at by themselves: those at the top, each service's and each tool's."""
    parts = {}
    for path in files:
        folders = path.split("/")[:-1]
        for depth in (1, 2):
            if len(folders) >= depth and (depth == 1 or folders[0] in _OF_PARTS):
                parts["/".join(folders[:depth])] = True
    return sorted(parts)

def _tree_impl(rctx):
    root = rctx.path(Label("//:MODULE.bazel")).dirname
    files = _files(root, _ignored_patterns(rctx.read(root.get_child(".gitignore"), watch = "yes")))
    for path, file in files.items():
        rctx.symlink(file, path + ".txt" if file.basename in _BAZELS_OWN else path)
    scripts = [
        path
        for path, file in files.items()
        if ("." not in file.basename or file.basename.endswith((".sh", ".sh.tpl"))) and file.basename not in _BAZELS_OWN
    ]
    rctx.file("files.txt", "".join([path + "\n" for path in sorted(files)]))
    rctx.file("BUILD.bazel", _BUILD.format(
        parts = json.encode(_parts(files)),
        scripts = json.encode(sorted(scripts)),
    ))

_tree_repository = repository_rule(
    implementation = _tree_impl,
    doc = "Links to the workspace's files, and filegroups over them.",
)

tree = module_extension(
    implementation = lambda _: _tree_repository(name = "tree"),
    doc = "Brings the repository @tree.",
)
