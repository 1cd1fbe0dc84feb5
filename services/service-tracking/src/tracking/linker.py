"""The linker: who is who over the whole sequence, decided at once, with the future known.

The tracker decides frame by frame. Here it is run a second time from the end to the beginning; where both passes agree,
a track is left as it is, where they do not it is cut (`pieces.py`). The pieces are joined anew: every pair that may be
one person is weighed by motion, size, time and look (`link_evidence.py`, `look_evidence.py`), and of all ways to join
them the one with the largest sum of weights is taken – a min-cost flow with unit capacities, solved as an assignment of
ends to beginnings, as in Zhang, Li and Nevatia, "Global data association for multi-object tracking using network flows"
(2008). Pieces of one person never overlap in time, since each begins after the one before has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from shared_libs.common.tracks import Tracks
from tracking.backward import numbered_backward
from tracking.kit_evidence import KitEvidence
from tracking.link_evidence import SHORT_SECONDS, Pairs, Scene, features_of, pairs_to_weigh
from tracking.link_weights import WEIGHTS
from tracking.look_evidence import LookEvidence
from tracking.pieces import Pieces, cut_at, cut_where_passes_differ, labelled
from tracking.scene import Float, Index, feet_in_scene
from tracking.settings import TrackerSettings

if TYPE_CHECKING:
    from tracking.appearance import Appearance
    from tracking.camera_path import CameraPath


MOST_CHANGES = 2
"""So often one piece is cut at most for each kind of evidence that it shows somebody else than before."""


def link(
    tracks: Tracks,
    fps: float,
    settings: TrackerSettings | None = None,
    camera: CameraPath | None = None,
    appearance: Appearance | None = None,
) -> Tracks:
    """The same boxes with the ids of the people that they belong to, from 1 in order of first appearance.

    Args:
        tracks: as the tracker gives them, with no filled-in boxes.
        fps: frames per second.
        camera: how the camera moves, where that is known.
        appearance: what was seen at some of the boxes, where a film shows them.
    """
    settings = settings or TrackerSettings()
    if len(tracks) == 0:
        return tracks
    pieces = agreed_pieces(tracks, fps, settings, camera)
    seen = _seen(tracks, appearance, pieces, fps, settings) if appearance is not None else []
    for evidence, _ in seen * MOST_CHANGES:
        pieces = cut_at(pieces, tracks.frame, evidence.changes(tracks, pieces))
    feet = feet_in_scene(tracks, camera)
    bias = settings.link_bias + (settings.film_bias if camera is not None else 0.0)

    def people(pieces: Pieces, apart: Index) -> Index:
        """The person (n,) of each box; nobody on both sides of where somebody else begins, as `apart` (n,) has it."""
        scene = Scene.of(tracks, pieces, feet, fps)
        pairs = pairs_to_weigh(scene, settings.link_seconds)
        weight = features_of(scene, pairs) @ WEIGHTS + bias
        for evidence, counts_for in seen:
            weight += counts_for * evidence.weigh(pieces, pairs.first, pairs.second)
        before, after = apart[pieces.last[pairs.first]], apart[pieces.first[pairs.second]]
        weight[(before >> 1 == after >> 1) & (before != after)] = 0
        return joined(pieces, pairs, weight)[pieces.piece]

    person = people(pieces, np.arange(len(tracks)) << 1)
    kits = next((evidence for evidence, _ in seen if isinstance(evidence, KitEvidence)), None)
    if kits is not None:
        # What no piece shows by itself the pieces of a person may show together.
        together = labelled(person, pieces.forward, pieces.backward)
        rows = kits.changes(tracks, together)
        parted = cut_at(together, tracks.frame, rows)
        apart = together.piece << 1 | (parted.first[parted.piece] != together.first[together.piece])
        person = people(cut_at(pieces, tracks.frame, rows), apart)
    return renumbered(tracks, person)


def _seen(
    tracks: Tracks, appearance: Appearance, pieces: Pieces, fps: float, settings: TrackerSettings
) -> list[tuple[LookEvidence | KitEvidence, float]]:
    """What looks have to say in this game, each with what it counts for."""
    model = appearance.embedding
    said = (
        (LookEvidence.learned(tracks, appearance.jersey, pieces, fps), settings.look_weight),
        (LookEvidence.learned(tracks, model, pieces, fps) if model is not None else None, settings.reid_weight),
        (KitEvidence.learned(tracks, appearance.jersey, pieces), settings.kit_weight),
    )
    return [(evidence, weight) for evidence, weight in said if evidence is not None]


def agreed_pieces(tracks: Tracks, fps: float, settings: TrackerSettings, camera: CameraPath | None) -> Pieces:
    """The stretches of `tracks` that tracking backwards finds too."""
    backward = numbered_backward(tracks, fps, settings, camera.known_transform() if camera is not None else None)
    return cut_where_passes_differ(tracks.frame, tracks.track_id, backward, round(SHORT_SECONDS * fps))


def scene_of(tracks: Tracks, fps: float, settings: TrackerSettings, camera: CameraPath | None) -> Scene:
    """The pieces of `tracks` and all that is needed to compare them, but for looks."""
    pieces = agreed_pieces(tracks, fps, settings, camera)
    return Scene.of(tracks, pieces, feet_in_scene(tracks, camera), fps)


def joined(pieces: Pieces, pairs: Pairs, weight: Float) -> Index:
    """The person (m,) of each piece, with the largest sum of `weight` (k,) over the pairs that become neighbours in
    time. A pair is joined only where its weight is positive."""
    count = len(pieces)
    worth = weight > 0
    first, second, gain = pairs.first[worth], pairs.second[worth], weight[worth]
    following = np.full(count, -1, np.int64)
    if len(first):
        ends, first = np.unique(first, return_inverse=True)
        begins, second = np.unique(second, return_inverse=True)
        # Every end may also stay without a successor: a column of its own, which costs what the best pair would gain.
        alone = np.arange(len(ends))
        cost = np.concatenate([gain.max() + 1 - gain, np.full(len(ends), gain.max() + 1)])
        rows, columns = np.concatenate([first, alone]), np.concatenate([second, len(begins) + alone])
        graph = coo_array((cost, (rows, columns)), shape=(len(ends), len(begins) + len(ends))).tocsr()
        end, begin = min_weight_full_bipartite_matching(graph)
        taken = begin < len(begins)
        following[ends[end[taken]]] = begins[begin[taken]]
    person = np.arange(count)
    for piece in range(count):  # in order of their beginnings
        if following[piece] >= 0:
            person[following[piece]] = person[piece]
    return person


def renumbered(tracks: Tracks, person: NDArray[np.integer]) -> Tracks:
    """`tracks` with ids from 1 in order of first appearance, one for each value in `person` (n,)."""
    _, first, inverse = np.unique(person, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(1, len(first) + 1)
    return Tracks.from_arrays(
        frame=tracks.frame,
        track_id=rank[inverse],
        xyxy=tracks.xyxy,
        score=tracks.score,
        class_id=tracks.class_id,
        source=tracks.source,
        frame_count=tracks.frame_count,
    )
