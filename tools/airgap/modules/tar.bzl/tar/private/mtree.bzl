"""Rules that write and change mtree specifications."""

def _encoded(path):
    """A path as one word of an mtree line. expand_mtree encodes what else has to be."""
    return path.replace("\\", "\\134").replace(" ", "\\040").replace("#", "\\043")

def _line(path, kind, content = None):
    if kind == "dir" and not path.endswith("/"):
        path += "/"
    words = [_encoded(path), "uid=0", "gid=0", "time=1672560000", "mode=0755", "type=" + kind, "nlink=1"]
    if content:
        words.append("content=" + _encoded(content))
    return " ".join(words)

def _lines(path, content):
    """The line of a file after those of the folders around it."""
    parts = path.split("/")
    folders = ["/".join(parts[:end]) for end in range(1, len(parts))]
    return [_line(folder, "dir") for folder in folders] + [_line(path, "file", content)]

def _lines_of(file, expander, path):
    if not file.is_directory:
        return _lines(path, file.path)
    lines = []
    for child in expander.expand(file):
        lines.extend(_lines(path + "/" + child.tree_relative_path, child.path))
    return lines

def _source_lines(file, expander):
    """A file's place in the archive is its path inside its repository."""
    path = file.short_path
    if path.startswith("../"):
        path = path.split("/", 2)[2]
    return _lines_of(file, expander, path)

def _in_runfiles(path, workspace):
    return path.removeprefix("../") if path.startswith("../") else workspace + "/" + path

def _add_runfiles(content, target, workspace):
    executable = target[DefaultInfo].files_to_run.executable
    if not executable or not target[DefaultInfo].files_to_run.runfiles_manifest:
        return []
    root = executable.short_path + ".runfiles"
    runfiles = target[DefaultInfo].default_runfiles

    def lines_of_empty_file(path, _):
        return _line(root + "/" + _in_runfiles(path, workspace), "file")

    def lines_of_file(file, expander):
        return _lines_of(file, expander, root + "/" + _in_runfiles(file.short_path, workspace))

    def lines_of_symlink(symlink, expander):
        return _lines_of(symlink.target_file, expander, root + "/" + _in_runfiles(symlink.path, workspace))

    def lines_of_root_symlink(symlink, expander):
        return _lines_of(symlink.target_file, expander, root + "/" + symlink.path)

    content.add(_line(root, "dir"))
    for values, lines in [
        (runfiles.empty_filenames, lines_of_empty_file),
        (runfiles.files, lines_of_file),
        (runfiles.symlinks, lines_of_symlink),
        (runfiles.root_symlinks, lines_of_root_symlink),
    ]:
        content.add_all(values, map_each = lines, allow_closure = True, uniquify = True)

    mapping = target[DefaultInfo].files_to_run.repo_mapping_manifest
    if mapping:
        content.add(_line(root + "/_repo_mapping", "file", mapping.path))

    # Directories inside symlinks are expanded only if the action that writes the lines knows them.
    inside = [link.target_file for link in runfiles.symlinks.to_list() + runfiles.root_symlinks.to_list()]
    content.add_all([file for file in inside if file.is_directory], map_each = _nothing)
    return [runfiles.files, depset(inside)]

def _nothing(_):
    return None

def _mtree_spec_impl(ctx):
    content = ctx.actions.args().set_param_file_format("multiline")
    content.add_all(ctx.files.srcs, map_each = _source_lines, uniquify = True)
    files = [depset(ctx.files.srcs)]
    if ctx.attr.include_runfiles:
        for target in ctx.attr.srcs:
            files.extend(_add_runfiles(content, target, str(ctx.workspace_name)))

    raw = ctx.actions.declare_file(ctx.label.name + ".raw_mtree")
    ctx.actions.write(raw, content)
    out = ctx.outputs.out or ctx.actions.declare_file(ctx.label.name + ".spec")
    ctx.actions.run(
        outputs = [out],
        inputs = depset([raw], transitive = files),
        executable = ctx.executable._expand,
        arguments = [raw.path, out.path],
        mnemonic = "MtreeSpec",
        progress_message = "Listing the contents of %{label}",
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

mtree_spec = rule(
    implementation = _mtree_spec_impl,
    doc = "Lists files as an mtree specification.",
    attrs = {
        "include_runfiles": attr.bool(default = True),
        "out": attr.output(),
        "srcs": attr.label_list(allow_files = True),
        "_expand": attr.label(default = "//tar/private:expand_mtree", cfg = "exec", executable = True),
    },
)

def _mtree_lines_impl(ctx):
    lines = [
        ctx.expand_make_variables("mtree", ctx.expand_location(line, ctx.attr.srcs), {})
        for line in ctx.attr.lines
    ]
    ctx.actions.write(ctx.outputs.out, "".join([line + "\n" for line in ["#mtree"] + lines]))
    return [DefaultInfo(files = depset([ctx.outputs.out]))]

mtree_lines = rule(
    implementation = _mtree_lines_impl,
    doc = "A specification whose lines stand in the BUILD file.",
    attrs = {
        "lines": attr.string_list(),
        "out": attr.output(mandatory = True),
        "srcs": attr.label_list(allow_files = True),
    },
)

# Attributes that reach the awk program as variables of the same name.
_VARIABLES = ["group", "groupname", "mtime", "owner", "ownername", "package_dir", "strip_prefix"]

def _mtree_mutate_impl(ctx):
    variables = dict(ctx.attr.script_args)
    for name in _VARIABLES:
        if getattr(ctx.attr, name):
            variables[name] = getattr(ctx.attr, name)
    if ctx.attr.package_dir:
        variables["package_dir"] = ctx.attr.package_dir.strip("/")

    scripts = [ctx.file.awk_script] + ctx.files.includes
    program = ctx.actions.declare_file(ctx.label.name + ".awk")
    ctx.actions.write(program, "".join(['@include "{}"\n'.format(script.basename) for script in scripts] + ["{ print }\n"]))

    arguments = ctx.actions.args()
    arguments.add(ctx.outputs.out)
    for name, value in variables.items():
        arguments.add("--assign={}={}".format(name, value))
    arguments.add(program, format = "--file=%s")
    arguments.add(ctx.file.mtree)
    folders = {file.dirname: None for file in [ctx.file._default_script] + scripts}
    ctx.actions.run_shell(
        outputs = [ctx.outputs.out],
        inputs = scripts + [ctx.file._default_script, ctx.file.mtree, program],
        # gawk, since `@include` is its own.
        command = 'out=$1; shift; exec gawk "$@" > "$out"',
        arguments = [arguments],
        env = {
            "AWKPATH": ":".join(folders.keys()),
            "LC_ALL": "C.UTF-8",
        },
        mnemonic = "MtreeMutate",
        progress_message = "Changing paths and owners for %{label}",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([ctx.outputs.out]))]

mtree_mutate = rule(
    implementation = _mtree_mutate_impl,
    doc = "Changes an mtree specification with an awk program.",
    attrs = {name: attr.string() for name in _VARIABLES} | {
        "awk_script": attr.label(allow_single_file = True, default = "//tar/private:default.awk"),
        "includes": attr.label_list(allow_files = [".awk"]),
        "mtree": attr.label(allow_single_file = True, mandatory = True),
        "out": attr.output(mandatory = True),
        "preserve_symlinks": attr.bool(),
        "script_args": attr.string_dict(),
        "srcs": attr.label_list(allow_files = True),
        "_default_script": attr.label(allow_single_file = True, default = "//tar/private:default.awk"),
    },
)
