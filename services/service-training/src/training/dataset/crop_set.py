"""Crops in memory: what training and evaluation read, as columns over all pictures of a split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class CropSet:
    """n crops of i identities in g games, sorted by (identity, time, name).

    pictures: uint8 (n, height, width, 3), RGB. identity: int32 (n,), index into `identities`. time: float64 (n,),
    seconds in the game, NaN where unknown. names: of the n files, relative to the data set's folder. identities: i
    names. game: int32 (i,), in which game each identity was seen. different: bool (i, i), symmetric: True where two
    identities are two people for certain. Elsewhere they may be one: neither losses nor scores may count on it. The
    diagonal is False.
    """

    pictures: npt.NDArray[np.uint8]
    identity: npt.NDArray[np.int32]
    time: npt.NDArray[np.float64]
    names: tuple[str, ...]
    identities: tuple[str, ...]
    game: npt.NDArray[np.int32]
    different: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        count, people = len(self.identity), len(self.identities)
        if self.pictures.ndim != 4 or self.pictures.shape[3] != 3 or self.pictures.dtype != np.uint8:
            raise ValueError(f"pictures must be uint8 (n, height, width, 3), not {self.pictures.shape}")
        if not len(self.pictures) == len(self.time) == len(self.names) == count:
            raise ValueError("pictures, identity, time and names must have as many entries each")
        if count and not 0 <= self.identity.min() <= self.identity.max() < people:
            raise ValueError("identity must be an index into identities")
        if self.game.shape != (people,) or self.different.shape != (people, people):
            raise ValueError(f"game must be ({people},) and different ({people}, {people})")
        if self.different.diagonal().any() or (self.different != self.different.T).any():
            raise ValueError("different must be symmetric, and nobody differs from themselves")

    def __len__(self) -> int:
        return len(self.identity)

    @property
    def height(self) -> int:
        """Of every picture, in pixels."""
        return int(self.pictures.shape[1])

    @property
    def width(self) -> int:
        """Of every picture, in pixels."""
        return int(self.pictures.shape[2])
