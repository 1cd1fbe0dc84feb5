"""What goes into a layer of a service's image.

A program's runfiles are laid out for Bazel: every wheel in a repository of its own, canonical names in every path. An image
has none of that: the interpreter in /opt/python, wheels merged in /opt/site-packages, our code in /app.
"""

def _is_of_wheel(file):
    return "/site-packages/" in file.path + "/" and _is_of_pip(file)

def _is_of_pip(file):
    # rules_python's extension, whatever separates the parts of a canonical name: `~` in Bazel 7, `+` from 8 on.
    return "pip" in file.owner.repo_name.replace("~", "+").split("+")

def _place_of_package(file):
    return "opt/site-packages/" + (file.path + "/").split("/site-packages/", 1)[1].rstrip("/")

def _package_line(file):
    return _place_of_package(file).rstrip("/") + "\t" + file.path

def _place_in_repository(file):
    """The path inside a repository, for one that is a whole interpreter, or has it in its folder `python`."""
    path = file.short_path.removeprefix("../").partition("/")[2]
    return path.removeprefix("python") if path == "python" or path.startswith("python/") else path

def _interpreter_line(file):
    return ("opt/python/" + _place_in_repository(file)).rstrip("/") + "\t" + file.path

def _place_of_code(file):
    path = file.short_path
    if path.startswith("shared_libs/"):
        return "app/" + path
    if path.startswith("services/") and "/src/" in path:
        return "app/" + path.split("/src/", 1)[1]
    return None

def _code_line(file):
    return _place_of_code(file) + "\t" + file.path

def _layer_contents_impl(ctx):
    if ctx.attr.part == "interpreter":
        files, line = ctx.files.interpreter, _interpreter_line
    else:
        runfiles = ctx.attr.binary[DefaultInfo].default_runfiles.files.to_list()
        if ctx.attr.part == "packages":
            files, line = [file for file in runfiles if _is_of_wheel(file)], _package_line
        else:
            files, line = [file for file in runfiles if not file.owner.repo_name and _place_of_code(file)], _code_line
    if not files:
        fail("{} has nothing for the layer of the {}".format(ctx.attr.binary.label, ctx.attr.part))

    sources = ctx.actions.args().set_param_file_format("multiline")
    sources.use_param_file("--sources=%s", use_always = True)
    sources.add_all(files, map_each = line, expand_directories = False)
    specification = ctx.actions.declare_file(ctx.label.name + ".mtree")
    byte_code = ctx.actions.declare_directory(ctx.label.name + ".byte_code")
    arguments = ctx.actions.args()
    arguments.add(ctx.attr.part, format = "--part=%s")
    arguments.add(specification, format = "--specification=%s")
    arguments.add(byte_code.path, format = "--byte-code=%s")
    ctx.actions.run(
        outputs = [specification, byte_code],
        inputs = files,
        executable = ctx.executable._layer,
        arguments = [arguments, sources],
        # Byte code holds sets, whose order follows from the seed.
        env = {"PYTHONHASHSEED": "0"},
        mnemonic = "ImageLayer",
        progress_message = "Choosing what belongs into %{label}",
        use_default_shell_env = True,
    )
    return [
        DefaultInfo(files = depset([specification])),
        OutputGroupInfo(content = depset(files + [byte_code])),
    ]

layer_contents = rule(
    implementation = _layer_contents_impl,
    doc = "An mtree specification; what it names is the output group `content`.",
    attrs = {
        "binary": attr.label(doc = "The program, for the parts `packages` and `code`."),
        "interpreter": attr.label(allow_files = True, doc = "Its files, for the part `interpreter`."),
        "part": attr.string(mandatory = True, values = ["code", "interpreter", "packages"]),
        "_layer": attr.label(default = "//tools/build_defs/image:layer", cfg = "exec", executable = True),
    },
)
