"""The provider `PyInfo`, under the name that rules_python gives its file."""

load("//python/private:providers.bzl", _PyInfo = "PyInfo")

PyInfo = _PyInfo
