"""What changed things affect: everything that is built from them, directly or not."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from affected.causes import Causes
from affected.graph import Graph, Rule, package_of
from affected.module_file import ModuleFile

# Kinds that build nothing themselves: against which lock is for whoever uses them to say.
_PASSING_ON = frozenset({"py_library", "alias", "filegroup"})

# From the cause to a target: the reason, then the labels on the way, the target's own left out.
Way = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """The affected rules, sorted by label, and the way to each. `everything` holds the reasons, where all are."""

    rules: list[Rule]
    ways: dict[str, Way]
    everything: list[str]


def spread(graph: Graph, causes: Causes, module: ModuleFile) -> Effect:
    """The effect of causes in a graph, by shortest ways.

    A target counts when it is built from something changed; from a wheel only when it can be built against the lock
    that changed, which its own `config_settings` decide.
    """
    if causes.everything:
        rules = sorted(graph.rules.values(), key=lambda rule: rule.label)
        return Effect(rules, {rule.label: tuple(causes.everything) for rule in rules}, causes.everything)
    ways: dict[str, Way] = {}
    for label in sorted(graph.labels()):
        if reason := causes.labels.get(label) or _reason_of_place(causes, label):
            ways[label] = (reason,)
    _go_up(graph, ways, lambda user: True)
    for hub in sorted({hub for hub, _ in causes.wheels}):
        _spread_from_wheels(graph, causes, module, hub, ways)
    return Effect([graph.rules[label] for label in sorted(ways) if label in graph.rules], ways, [])


def _reason_of_place(causes: Causes, label: str) -> str | None:
    if label.startswith("//"):
        return causes.packages.get(package_of(label))
    return causes.repositories.get(re.split(r"[@~+]", label.partition("//")[0])[-1])


def _go_up(graph: Graph, ways: dict[str, Way], goes_on: Callable[[str], bool]) -> None:
    """Adds the users of what is in `ways`, their users and so on, as far as `goes_on` lets them in."""
    pending = deque(ways)
    while pending:
        label = pending.popleft()
        for user in graph.users.get(label, ()):
            if user not in ways and goes_on(user):
                ways[user] = (*ways[label], label)
                pending.append(user)


def _spread_from_wheels(graph: Graph, causes: Causes, module: ModuleFile, hub: str, ways: dict[str, Way]) -> None:
    """Goes up from one hub's changed wheels, through what can be built against any lock, to what is built against it.

    What is above that counts too, whatever its own lock.
    """
    outside = [label for label in sorted(graph.users) if not label.startswith("//")]
    reasons = {label: reason for label in outside if (reason := _wheel_reason(causes, module, hub, label))}

    def can_be_built_against_it(label: str) -> bool:
        rule = graph.rules.get(label)
        return rule is None or not rule.venvs or hub in rule.venvs

    def is_built_against_it(label: str) -> bool:
        rule = graph.rules.get(label)
        if rule is None:
            return bool(module.hubs_meant_by(label.partition("//")[0]))  # this one hub's wheel, by its name
        # Other kinds may choose the lock of what they are made from by a transition of their own.
        return bool(rule.venvs) or rule.kind not in _PASSING_ON

    built: dict[str, Way] = {label: (reason,) for label, reason in reasons.items()}
    _go_up(graph, built, can_be_built_against_it)
    found = {label: way for label, way in built.items() if is_built_against_it(label)}
    _go_up(graph, found, lambda user: True)
    if module.default_hub in (hub, None):
        found = {**built, **found}
    for label, way in found.items():
        ways.setdefault(label, way)


def _wheel_reason(causes: Causes, module: ModuleFile, hub: str, label: str) -> str | None:
    """Why a label of another module stands for a wheel of `hub` that changed; None where it does not."""
    repository, _, rest = label.partition("//")
    meant = module.hubs_meant_by(repository)
    if meant is None or (meant and hub not in meant):
        return None
    if whole := causes.wheels.get((hub, "")):
        return whole
    package = rest.partition(":")[0].partition("/")[0]
    if package:
        return causes.wheels.get((hub, package))
    # The repository of one wheel, whose name says which by convention only: any that changed may be meant.
    return next((reason for (one, _), reason in causes.wheels.items() if one == hub), None)
