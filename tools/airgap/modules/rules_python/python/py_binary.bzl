"""The rule `py_binary`, under the name that rules_python gives its file."""

load("//python/private:rules.bzl", _py_binary = "py_binary")

py_binary = _py_binary
