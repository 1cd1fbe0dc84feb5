"""The graph of targets, as Bazel's query prints it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# What tells in a rule which lock's wheels it is built from: rules_python's flag for it.
VENV = "python/config_settings:venv"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `venvs` are the hubs that its `config_settings` can choose; empty where it takes its users'."""

    label: str
    kind: str
    tags: frozenset[str]
    venvs: frozenset[str]

    @property
    def is_test(self) -> bool:
        return self.kind.endswith("_test") or self.kind == "test_suite"

    @property
    def is_manual(self) -> bool:
        """Whether `//...` leaves it out, and only its name asks for it."""
        return "manual" in self.tags


@dataclass(slots=True)
class Graph:
    """The workspace's own rules, and what they are made from. What lies outside is there as a label only.

    Attributes:
        rules: by label.
        users: {label: what has it among its inputs}. A generated file stands between its rule and its users.
        packages: of all targets.
        groups: packages that hold a package_group, whose users no query tells.
    """

    rules: dict[str, Rule] = field(default_factory=dict)
    users: dict[str, list[str]] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)

    def labels(self) -> set[str]:
        """Everything that is a target or an input of one."""
        return self.rules.keys() | self.users.keys()


def read_graph(lines: Iterable[str]) -> Graph:
    """Reads what `bazel query --output=streamed_jsonproto --noproto:flatten_selects` prints: a target a line.

    Raises ValueError where it is something else.
    """
    graph = Graph()
    for line in lines:
        if not line.strip():
            continue
        target = json.loads(line)
        match target["type"]:
            case "RULE":
                _add_rule(graph, target["rule"])
            case "SOURCE_FILE":
                _add(graph, target["sourceFile"]["name"], [])
            case "GENERATED_FILE":
                _add(graph, target["generatedFile"]["name"], [target["generatedFile"]["generatingRule"]])
            case "PACKAGE_GROUP":
                graph.groups.add(package_of(plain(target["packageGroup"]["name"])))
            case _:
                pass
    for users in graph.users.values():
        users.sort()
    return graph


def plain(label: str) -> str:
    """A label as this program writes it: those of the workspace without a repository, and never shortened."""
    if label.startswith(":"):
        label = f"//{label}"
    start, slashes, rest = label.partition("//")
    if start in ("@", "@@"):
        start = ""
    if ":" not in rest:
        rest = f"{rest}:{rest.rpartition('/')[2]}"
    return start + slashes + rest


def package_of(label: str) -> str:
    """The package of one of the workspace's labels."""
    return label[2:].partition(":")[0]


def _add(graph: Graph, name: str, inputs: Iterable[str]) -> str:
    label = plain(name)
    if label.startswith("//"):
        graph.packages.add(package_of(label))
    graph.users.setdefault(label, [])
    for given in dict.fromkeys(inputs):
        graph.users.setdefault(plain(given), []).append(label)
    return label


def _add_rule(graph: Graph, rule: dict[str, Any]) -> None:
    label = _add(graph, rule["name"], rule.get("ruleInput", []))
    if not label.startswith("//"):
        return
    attributes = {attribute["name"]: attribute for attribute in rule.get("attribute", [])}
    tags = [tag for part in _parts(attributes.get("tags"), "stringListValue") for branch in part for tag in branch]
    graph.rules[label] = Rule(label, rule["ruleClass"], frozenset(tags), _venvs(attributes.get("config_settings")))


def _venvs(attribute: dict[str, Any] | None) -> frozenset[str]:
    """The hubs that `config_settings` can choose; none where it has a way to choose no hub."""
    for part in _parts(attribute, "stringDictValue"):
        chosen = [{entry["key"]: entry["value"] for entry in branch} for branch in part]
        hubs = [next((hub for key, hub in settings.items() if key.endswith(VENV)), None) for settings in chosen]
        if None not in hubs:
            return frozenset(hub for hub in hubs if hub)
    return frozenset()


def _parts(attribute: dict[str, Any] | None, key: str) -> list[list[list[Any]]]:
    """The values that are added up to an attribute's; of each, what the branches of its select() are."""
    if attribute is None:
        return []
    if "selectorList" in attribute:
        return [[entry.get(key, []) for entry in part["entries"]] for part in attribute["selectorList"]["elements"]]
    return [[attribute.get(key, [])]]
