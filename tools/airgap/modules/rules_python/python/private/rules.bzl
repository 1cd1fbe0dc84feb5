"""py_library, py_binary and py_test for a machine that cannot reach the Bazel registry.

A binary is a launcher that puts the imports of its dependencies on PYTHONPATH and starts the workspace's
own CPython 3.11 out of its runfiles. No Python of the host takes part.
"""

load("//python/private:providers.bzl", "PyInfo")

_VENV = "//python/config_settings:venv"

def _runfiles_path(ctx, file):
    """The path of a file below the runfiles root."""
    if file.short_path.startswith("../"):
        return file.short_path[len("../"):]
    return ctx.workspace_name + "/" + file.short_path

def _normalized(path):
    parts = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                fail("imports leave the repository: " + path)
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)

def _imports(ctx):
    repository = ctx.label.repo_name or ctx.workspace_name
    return [
        _normalized("/".join([repository, ctx.label.package, path]))
        for path in ctx.attr.imports
    ]

def _py_info(ctx):
    infos = [dep[PyInfo] for dep in ctx.attr.deps]
    return PyInfo(
        # As in rules_python, a target's own folders come before those of its dependencies.
        imports = depset(_imports(ctx), transitive = [info.imports for info in infos], order = "preorder"),
        transitive_sources = depset(ctx.files.srcs, transitive = [info.transitive_sources for info in infos]),
    )

def _runfiles(ctx, files = [], transitive_files = depset()):
    return ctx.runfiles(files = files + ctx.files.data, transitive_files = transitive_files).merge_all([
        target[DefaultInfo].default_runfiles
        for target in ctx.attr.deps + ctx.attr.data + ctx.attr.srcs
    ])

def _py_library_impl(ctx):
    # As in rules_python, sources reach the runfiles of programs only: `bazel build //...` builds a library even where the
    # default hub lacks what it imports.
    return [
        DefaultInfo(files = depset(ctx.files.srcs), runfiles = _runfiles(ctx)),
        _py_info(ctx),
    ]

_COMMON_ATTRS = {
    "data": attr.label_list(allow_files = True),
    "deps": attr.label_list(providers = [PyInfo]),
    "imports": attr.string_list(),
    # Read by type checkers only; in rules_python they do not reach the runfiles either.
    "pyi_deps": attr.label_list(),
    "pyi_srcs": attr.label_list(allow_files = True),
    "srcs": attr.label_list(allow_files = True),
}

py_library = rule(
    implementation = _py_library_impl,
    attrs = _COMMON_ATTRS,
    doc = "Python code that others import.",
)

def _main(ctx):
    if ctx.file.main:
        return ctx.file.main
    for source in ctx.files.srcs:
        if source.basename == ctx.label.name + ".py":
            return source
    if len(ctx.files.srcs) == 1:
        return ctx.files.srcs[0]
    fail("{}: no file in srcs is called {}.py; set main".format(ctx.label, ctx.label.name))

def _py_executable_impl(ctx):
    info = _py_info(ctx)
    interpreter = ctx.file._interpreter
    launcher = ctx.actions.declare_file(ctx.label.name)

    # The workspace's root is importable, as it is with rules_python.
    imports = [ctx.workspace_name] + info.imports.to_list()
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = launcher,
        is_executable = True,
        substitutions = {
            "%imports%": "\n".join(imports),
            "%interpreter%": _runfiles_path(ctx, interpreter) + "/bin/python3.11",
            "%main%": _runfiles_path(ctx, _main(ctx)),
        },
    )
    environment = {
        key: ctx.expand_location(value, ctx.attr.data)
        for key, value in ctx.attr.env.items()
    }
    return [
        DefaultInfo(
            executable = launcher,
            files = depset([launcher]),
            runfiles = _runfiles(ctx, files = [interpreter, launcher], transitive_files = info.transitive_sources),
        ),
        info,
        RunEnvironmentInfo(
            environment = environment,
            inherited_environment = getattr(ctx.attr, "env_inherit", []),
        ),
    ]

def _venv_transition_impl(settings, attr):
    venv = settings[_VENV]
    for flag, value in attr.config_settings.items():
        if not flag.endswith(_VENV):
            fail("config_settings: the airgap rules know only @rules_python{}, not {}".format(_VENV, flag))
        venv = value
    return {_VENV: venv}

_venv_transition = transition(
    implementation = _venv_transition_impl,
    inputs = [_VENV],
    outputs = [_VENV],
)

_EXECUTABLE_ATTRS = _COMMON_ATTRS | {
    "config_settings": attr.string_dict(),
    "env": attr.string_dict(),
    # Accepted because rules_python has them; nothing here depends on their value.
    "legacy_create_init": attr.int(default = -1),
    "main": attr.label(allow_single_file = True),
    "python_version": attr.string(values = ["", "3.11"]),
    "_interpreter": attr.label(default = "@python_3_11//:python", allow_single_file = True),
    "_launcher": attr.label(default = "//python/private:launcher.sh.tpl", allow_single_file = True),
}

py_binary = rule(
    implementation = _py_executable_impl,
    attrs = _EXECUTABLE_ATTRS,
    cfg = _venv_transition,
    executable = True,
    doc = "A Python program.",
)

py_test = rule(
    implementation = _py_executable_impl,
    attrs = _EXECUTABLE_ATTRS | {"env_inherit": attr.string_list()},
    cfg = _venv_transition,
    test = True,
    doc = "A Python program whose exit status says whether it passed.",
)
