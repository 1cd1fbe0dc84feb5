"""The rule `py_library`, under the name that rules_python gives its file."""

load("//python/private:rules.bzl", _py_library = "py_library")

py_library = _py_library
