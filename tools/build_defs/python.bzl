"""The Python rules of this workspace.

They are rules_python's, with two things added: a binary or test is built against the lock of its place in the tree,
and a test is a real pytest run. BUILD files load from here only.
"""

load("@rules_python//python:py_binary.bzl", _py_binary = "py_binary")
load("@rules_python//python:py_library.bzl", _py_library = "py_library")
load("@rules_python//python:py_test.bzl", _py_test = "py_test")
load(":locks.bzl", "lock_of_package", "lock_settings", _SERVICE_LOCKS = "SERVICE_LOCKS", _SHARED_LIBS_LOCKS = "SHARED_LIBS_LOCKS")

SERVICE_LOCKS = _SERVICE_LOCKS
SHARED_LIBS_LOCKS = _SHARED_LIBS_LOCKS

py_library = _py_library

def py_binary(name, lock = None, **kwargs):
    """A program, built against the lock of its place.

    Args:
        name: the target's name.
        lock: another lock's short name, where the place does not say it.
        **kwargs: as for rules_python's py_binary.
    """
    _py_binary(
        name = name,
        config_settings = lock_settings(lock or lock_of_package(native.package_name())),
        **kwargs
    )

_PYTEST_MAIN = Label("//tools/build_defs:pytest_main.py")

def _test_file(name, srcs):
    """The one of the sources that pytest is given: called like the target, or the only one that is no conftest.py."""
    file_names = {src: str(src).split(":")[-1].split("/")[-1] for src in srcs}
    candidates = (
        [src for src in srcs if file_names[src] == name + ".py"] or
        [src for src in srcs if file_names[src] != "conftest.py"]
    )
    if len(candidates) != 1:
        fail("pytest_test({}): srcs should hold one test file, called {}.py, and conftest.py files: {}".format(name, name, srcs))
    return candidates[0]

def pytest_test(name, srcs, locks = None, deps = [], env = {}, args = [], **kwargs):
    """A test file that pytest collects and runs.

    Fails when pytest collects nothing from the file. Honours --test_filter (a pytest -k expression, or a node id),
    sharding (shard_count) and the XML report, with one test case per pytest test.

    Args:
        name: the target's name: the stem of the test file.
        srcs: the test file, and the conftest.py files that apply to it.
        locks: short names of the locks to run under, the first as `name`, the others as `name_<lock>`.
            Without it, the lock of the test's place.
        deps: what the test imports; pytest is added.
        env: as for py_test; LAXAI_LOCK, the lock's short name, is added (the same with any accelerator).
        args: arguments for pytest.
        **kwargs: as for rules_python's py_test.
    """
    locks = locks or [lock_of_package(native.package_name())]
    for lock in locks:
        _py_test(
            name = name if lock == locks[0] else "{}_{}".format(name, lock),
            srcs = srcs + [_PYTEST_MAIN],
            args = ["$(rootpath {})".format(_test_file(name, srcs))] + args,
            config_settings = lock_settings(lock),
            env = {"LAXAI_LOCK": lock} | env,
            main = _PYTEST_MAIN,
            deps = deps + ([] if "@pypi//pytest" in deps else ["@pypi//pytest"]),
            **kwargs
        )
