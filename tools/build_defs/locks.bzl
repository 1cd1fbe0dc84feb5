"""Which lock a package is built against.

A lock is named by its short name: the service's, or `shared_libs`, `tools`, `benchmarks`. Its hub is `pypi_<lock>`, or
that of its twin for an accelerator.
"""

# Every service's lock. shared_libs' tests run under each of them.
SERVICE_LOCKS = ["tracking", "training", "cloud", "api"]

SHARED_LIBS_LOCKS = ["shared_libs"] + SERVICE_LOCKS

LOCKS = SHARED_LIBS_LOCKS + ["tools", "benchmarks"]

# Locks that have a twin for an accelerator, called <lock>_<accelerator>: the same packages in builds that use it.
_TWINS = {"training": ["cuda"]}

_VENV = "@rules_python//python/config_settings:venv"

def lock_of_package(package):
    """The lock of a package, from its place in the tree.

    Args:
        package: a package path, as native.package_name() gives it.

    Returns:
        The lock's short name.
    """
    parts = package.split("/")
    if "benchmarks" in parts:
        return "benchmarks"
    if parts[0] == "services" and len(parts) > 1:
        return parts[1].removeprefix("service-")
    if parts[0] == "shared_libs":
        return "shared_libs"
    return "tools"

def lock_settings(lock):
    """The `config_settings` that put a binary or test under a lock.

    Args:
        lock: the lock's short name.

    Returns:
        A dict for the attribute `config_settings`; for a lock with a twin, a select() by //tools/build_defs:accelerator.
    """
    if lock not in LOCKS:
        fail("there is no lock '{}'; there are {}".format(lock, ", ".join(LOCKS)))
    settings = {_VENV: "pypi_" + lock}
    if lock not in _TWINS:
        return settings
    return select({
        Label("//tools/build_defs:accelerator_is_" + accelerator): {_VENV: "pypi_{}_{}".format(lock, accelerator)}
        for accelerator in _TWINS[lock]
    } | {"//conditions:default": settings})

def lock_files(lock):
    """The files of a service's lock, for rules that read it.

    Args:
        lock: the lock's short name.

    Returns:
        A struct of labels: `asked` is the .in file, `locked` the .txt file; for a lock with a twin, both are a select() by
        //tools/build_defs:accelerator.
    """
    if lock not in SERVICE_LOCKS:
        fail("there is no service's lock '{}'; there are {}".format(lock, ", ".join(SERVICE_LOCKS)))
    return struct(
        asked = _by_accelerator(lock, ".in"),
        locked = _by_accelerator(lock, ".txt"),
    )

def _by_accelerator(lock, ending):
    file = Label("//requirements:service_" + lock + ending)
    if lock not in _TWINS:
        return file
    return select({
        Label("//tools/build_defs:accelerator_is_" + accelerator): Label("//requirements:{}_{}{}".format(lock, accelerator, ending))
        for accelerator in _TWINS[lock]
    } | {"//conditions:default": file})
