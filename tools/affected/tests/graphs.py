"""Graphs in the form in which Bazel's query prints them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from affected.graph import VENV, Graph, read_graph


def rule(
    label: str,
    kind: str = "genrule",
    inputs: Sequence[str] = (),
    tags: Sequence[str] = (),
    venv: str | Mapping[str, str | None] | None = None,
) -> str:
    """One rule. `venv` is the hub that it chooses; or {condition: hub or None}, a select()."""
    attributes: list[dict[str, Any]] = [{"name": "tags", "type": "STRING_LIST", "stringListValue": list(tags)}]
    if isinstance(venv, str):
        attributes.append({"name": "config_settings", "type": "STRING_DICT", **_settings(venv)})
    elif venv is not None:
        entries = [{"label": condition, **_settings(hub)} for condition, hub in venv.items()]
        selector = {"type": "STRING_DICT", "elements": [{"entries": entries}]}
        attributes.append({"name": "config_settings", "type": "SELECTOR_LIST", "selectorList": selector})
    written = {"name": label, "ruleClass": kind, "attribute": attributes, "ruleInput": list(inputs)}
    return json.dumps({"type": "RULE", "rule": written})


def source(label: str) -> str:
    return json.dumps({"type": "SOURCE_FILE", "sourceFile": {"name": label}})


def generated(label: str, by: str) -> str:
    return json.dumps({"type": "GENERATED_FILE", "generatedFile": {"name": label, "generatingRule": by}})


def package_group(label: str) -> str:
    return json.dumps({"type": "PACKAGE_GROUP", "packageGroup": {"name": label}})


def graph(*targets: str) -> Graph:
    return read_graph(targets)


def _settings(hub: str | None) -> dict[str, Any]:
    # An empty value is not printed at all.
    return {"stringDictValue": [{"key": f"@rules_python//{VENV}", "value": hub}]} if hub else {}
