"""The answer, in the forms in which it is asked for."""

import json
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from affected.changes import Changes
from affected.graph import Graph, Rule, package_of
from affected.spreading import Effect


class Format(StrEnum):
    """Which of the affected targets are printed, one a line; or everything as JSON."""

    TARGETS = "targets"
    TESTS = "tests"
    IMAGES = "images"
    SERVICES = "services"
    JSON = "json"


def lines(effect: Effect, form: Format, *, manual: bool, explain: bool) -> list[str]:
    """One of the lists, sorted. `manual` keeps targets that `//...` leaves out; `explain` adds the way to each."""
    rules = chosen(effect, form, manual)
    said = {rule.label: service_of(rule) if form is Format.SERVICES else rule.label for rule in rules}
    if not explain:
        return list(said.values())
    return [line for label, name in said.items() for line in (name, *explanation(effect, label))]


def chosen(effect: Effect, form: Format, manual: bool) -> list[Rule]:
    """The rules that a list is made of."""
    wanted: Callable[[Rule], bool] = {
        Format.TESTS: lambda rule: rule.is_test,
        Format.IMAGES: is_image,
        Format.SERVICES: lambda rule: service_of(rule) != "",
    }.get(form, lambda rule: True)
    return [rule for rule in effect.rules if wanted(rule) and (manual or not rule.is_manual)]


def explanation(effect: Effect, label: str) -> Iterable[str]:
    """The reason, and the way from there to the target, indented."""
    reason, *way = effect.ways[label]
    yield f"    {reason}"
    if not effect.everything and way:
        yield f"    {' <- '.join(reversed(way))}"


def as_json(effect: Effect, changes: Changes, *, manual: bool) -> str:
    """Everything, for programs.

    {base, head: commits; uncommitted; changes: [{path, kind}]; everything: [reason];
    targets: [{label, kind, test, manual, why: [reason, label …]}]; images: [label]; services: [name]}
    """
    document = {
        "base": changes.base,
        "head": changes.head,
        "uncommitted": changes.uncommitted,
        "changes": [{"path": change.path, "kind": change.kind} for change in changes.files],
        "everything": effect.everything,
        "targets": [
            {
                "label": rule.label,
                "kind": rule.kind,
                "test": rule.is_test,
                "manual": rule.is_manual,
                "why": list(effect.ways[rule.label]),
            }
            for rule in chosen(effect, Format.TARGETS, manual)
        ],
        "images": lines(effect, Format.IMAGES, manual=manual, explain=False),
        "services": lines(effect, Format.SERVICES, manual=manual, explain=False),
    }
    return json.dumps(document, indent=1, ensure_ascii=True)


def summary(effect: Effect, changes: Changes, graph: Graph) -> Sequence[str]:
    """For people, beside the answer."""
    if not changes.files:
        return [f"nothing changed since {changes.base[:12]}"]
    files = f"{len(changes.files)} file{'' if len(changes.files) == 1 else 's'} changed since {changes.base[:12]}"
    if changes.uncommitted:
        files += ", some of it not committed"
    tests = len(chosen(effect, Format.TESTS, True))
    counted = f"{len(effect.rules)} of {len(graph.rules)} targets affected, {tests} of them tests"
    return [f"{files}: {counted}", *(f"everything counts: {reason}" for reason in effect.everything)]


def is_image(rule: Rule) -> bool:
    """Whether a rule is a container image."""
    return rule.kind in ("oci_image", "oci_image_index")


def service_of(rule: Rule) -> str:
    """The name of the service whose program a rule is: //services/NAME:NAME; empty for everything else."""
    folder, _, name = package_of(rule.label).partition("/")
    return name if folder == "services" and rule.label == f"//services/{name}:{name}" else ""
