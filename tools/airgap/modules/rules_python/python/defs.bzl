"""The rules that this workspace loads from rules_python, in one file."""

load("//python/private:providers.bzl", _PyInfo = "PyInfo")
load("//python/private:rules.bzl", _py_binary = "py_binary", _py_library = "py_library", _py_test = "py_test")

PyInfo = _PyInfo
py_binary = _py_binary
py_library = _py_library
py_test = _py_test
