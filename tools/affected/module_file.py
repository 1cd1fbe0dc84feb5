"""What MODULE.bazel says about where things outside of the workspace's own targets come from."""

import re
from dataclasses import dataclass

from affected.graph import plain
from buildgen.starlark import Expression, parse

_UNIFIED_HUB = "pypi"
_OWN_EXTENSION = re.compile(r"(\w+)\s*=\s*use_extension\(\s*[\"'](?:@{0,2}//|:)")
_LABEL = re.compile(r"[\"'](@{0,2}//[^\"'\s]*|:[^\"'\s]+)[\"']")


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """What is read from MODULE.bazel.

    Attributes:
        name: the module's own, by which its labels can be written too; empty where it has none.
        locks: {path of a lock: the hubs made from it}.
        default_hub: the hub of targets that choose none; None where MODULE.bazel does not say.
        labels: of the workspace that it names, locks left out.
        own_repositories: repositories that the workspace's own extensions make, and may make of any of its files.
    """

    name: str
    locks: dict[str, frozenset[str]]
    default_hub: str | None
    labels: frozenset[str]
    own_repositories: tuple[str, ...]

    def hubs_meant_by(self, repository: str) -> frozenset[str] | None:
        """The hubs that a label's repository may mean; None where it is something else.

        Empty means the unified hub: that of the lock which a target is built against.
        """
        every = {hub for hubs in self.locks.values() for hub in hubs}
        name = re.split(r"[@~+]", repository)[-1]
        if name in every:
            return frozenset([name])
        if every and name == _UNIFIED_HUB:
            return frozenset()
        # The repository of one wheel: `pypi_tracking_numpy`, `pypi_tracking_311_numpy_cp311_…`.
        return frozenset(hub for hub in every if name.startswith(f"{hub}_")) or None


def read_module_file(text: str) -> ModuleFile:
    """Reads the text of a MODULE.bazel. Raises StarlarkError where it cannot be read."""
    name = _module_name(text)
    text = text.replace(f'"@{name}//', '"//')
    locks: dict[str, set[str]] = {}
    default_hub = None
    extensions = set(_OWN_EXTENSION.findall(text))
    repositories: list[str] = []
    for statement in parse(text):
        call = statement.call
        if call is None:
            continue
        words = _words(call)
        if call.name.endswith(".parse") and {"hub_name", "requirements_lock"} <= words.keys():
            locks.setdefault(_path(words["requirements_lock"]), set()).add(words["hub_name"])
        elif call.name.endswith(".default") and "default_hub" in words:
            default_hub = words["default_hub"]
        elif call.name == "use_repo" and call.arguments and call.arguments[0].value.name in extensions:
            # `use_repo(extension, "name", own_name = "name")`
            repositories += [argument.name or argument.value.value for argument in call.arguments[1:]]
    labels = frozenset(label for label in map(plain, _LABEL.findall(text)) if _path(label) not in locks)
    hubs = {path: frozenset(names) for path, names in locks.items()}
    return ModuleFile(name, hubs, default_hub, labels, tuple(repositories))


def _module_name(text: str) -> str:
    for statement in parse(text):
        if statement.call is not None and statement.call.name == "module":
            words = _words(statement.call)
            return words.get("repo_name") or words.get("name", "")
    return ""


def _words(call: Expression) -> dict[str, str]:
    """The arguments of a call that are named and plain strings."""
    return {argument.name: argument.value.value for argument in call.arguments if argument.value.kind == "string"}


def _path(label: str) -> str:
    """The path of a label's file."""
    return plain(label).removeprefix("//").replace(":", "/").lstrip("/")
