"""The rule `py_test`, under the name that rules_python gives its file."""

load("//python/private:rules.bzl", _py_test = "py_test")

py_test = _py_test
