"""What is dear to make and does not change, kept for those who ask again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class _Making:
    """Whoever has the lock makes the value; the others wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0


class Kept(Generic[Key, Value]):
    """The values that were asked for last: no more than `at_most` of them, which together weigh no more than `weight`.

    One that weighs more by itself is given and not kept. Of several who ask for the same at once, one makes it.
    """

    def __init__(self, at_most: int, weight: int, weigh: Callable[[Value], int]) -> None:
        self._at_most = at_most
        self._weight = weight
        self._weigh = weigh
        self._lock = threading.Lock()
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._total = 0
        self._making: dict[Key, _Making] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of a key, made where there is none. What `make` raises is raised, and nothing is kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            making = self._making.setdefault(key, _Making())
            making.waiting += 1
        try:
            with making.lock:
                with self._lock:
                    if key in self._values:
                        return self._values[key]
                value = make()
                with self._lock:
                    self._keep(key, value)
                return value
        finally:
            with self._lock:
                making.waiting -= 1
                if not making.waiting:
                    self._making.pop(key, None)

    def drop(self, key: Key) -> None:
        """Forgets what is kept of a key."""
        with self._lock:
            if key in self._values:
                self._total -= self._weigh(self._values.pop(key))

    def _keep(self, key: Key, value: Value) -> None:
        weight = self._weigh(value)
        if weight > self._weight:
            return
        self._values[key] = value
        self._total += weight
        while len(self._values) > self._at_most or self._total > self._weight:
            self._total -= self._weigh(self._values.popitem(last=False)[1])
