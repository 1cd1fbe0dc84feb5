"""Which lock's packages a program is built from, under each value of //tools/build_defs:accelerator."""

load("//tools/build_defs:locks.bzl", "LOCKS")
load("//tools/build_defs:python.bzl", "py_binary")

_ACCELERATOR = "//tools/build_defs:accelerator"

_PackagesInfo = provider(
    doc = "The packages that a program names.",
    fields = {"labels": "list of str: where each comes from, after all aliases. The repository's name contains the hub's."},
)

def _packages_impl(_target, ctx):
    return [_PackagesInfo(labels = [str(dependency.label) for dependency in ctx.rule.attr.deps])]

_packages = aspect(implementation = _packages_impl)

def _every_accelerator_impl(_settings, attr):
    return {accelerator: {_ACCELERATOR: accelerator} for accelerator in attr.accelerators}

_every_accelerator = transition(
    implementation = _every_accelerator_impl,
    inputs = [],
    outputs = [_ACCELERATOR],
)

def _packages_by_accelerator_impl(ctx):
    result = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(result, json.encode({
        accelerator: {program.label.name: program[_PackagesInfo].labels for program in programs}
        for accelerator, programs in ctx.split_attr.programs.items()
    }))
    return [DefaultInfo(files = depset([result]))]

_packages_by_accelerator = rule(
    implementation = _packages_by_accelerator_impl,
    attrs = {
        "accelerators": attr.string_list(mandatory = True),
        "programs": attr.label_list(aspects = [_packages], cfg = _every_accelerator, mandatory = True),
    },
)

def packages_by_accelerator(name, accelerators, package, main):
    """Makes NAME.json: {accelerator: {lock: [label of the package that a program under this lock gets]}}.

    Nothing of it is built or run; no more is fetched than this one package in every lock.

    Args:
        name: the target's name.
        accelerators: values of the flag.
        package: the label of a package that every lock has.
        main: any Python file.
    """
    for lock in LOCKS:
        py_binary(
            name = lock,
            srcs = [main],
            lock = lock,
            main = main,
            tags = ["manual"],
            deps = [package],
        )
    _packages_by_accelerator(
        name = name,
        accelerators = accelerators,
        programs = [":" + lock for lock in LOCKS],
    )
