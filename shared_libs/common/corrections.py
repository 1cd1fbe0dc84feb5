"""Does again, on the players of a new run, what people corrected on earlier ones.

Edits are done in the order of their log. One that no longer fits changes nothing, and is listed with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.anchors import FRAMES_BESIDE, BoxIndex, Found
from shared_libs.common.edits import Anchor, Assign, Correction, EditLog, Merge, Rename, Split
from shared_libs.common.players import Player, Players, Segment, team_called, team_key
from shared_libs.common.roster import RosterEntry, name_in, named_from_roster, roster_names
from shared_libs.common.tracks import Tracks

TEAMS = (0, 1)
"""The two of a game, as runs number them; others that are named are numbered from there on."""
_STRETCHES_NAMED = 3
_REFEREE = "referee"


@dataclass(frozen=True, slots=True)
class Unfit:
    """An edit that was not done, and why not."""

    edit_id: str
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What has to be said about an edit that was done: what it overrode, or what it leaves in doubt."""

    edit_id: str
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of `players`; `applied` and `unfit` hold every edit once, each in the order of the log."""

    players: Players
    applied: tuple[str, ...]
    unfit: tuple[Unfit, ...]
    remarks: tuple[Remark, ...]


def corrected(players: Players, tracks: Tracks, log: EditLog, roster: Sequence[RosterEntry] = ()) -> Replayed:
    """`players` as `replay` corrects them with those edits of `log` that are not undone."""
    return replay(players, tracks, log.active(), roster)


def replay(
    players: Players, tracks: Tracks, corrections: Sequence[Correction], roster: Sequence[RosterEntry] = ()
) -> Replayed:
    """`players`, found on `tracks`, as people corrected them.

    An anchor means the box of its frame that overlaps it most, with an intersection over union of at least one half;
    where there is none, of the two frames beside it. Where boxes of two players are about equally good, or nobody is
    there, the edit is unfit. A player is whoever has that box at that point of the log.

    - Merge: one player, called as the first was and, in what is not known of the first, as the second. Unfit where
      both are seen in one frame; boxes that were only filled in give way, and are nobody's then. Who is one already
      stays so.
    - Split: whoever is at the anchor keeps id, name and number; the other half gets the smallest id that is free, and
      keeps team and role, which were found from clothes that nobody could tell apart. `at_frame` may lie in a gap;
      unfit where it leaves one half empty.
    - Assign: all segments of the anchor's track that its player has go to the other player; unfit as a merge is. Where
      its player has no others, it is a merge. A team and number mean whoever has both by now; if nobody does, the
      track's player gets them – or, where that player has a number of their own and other tracks, a new one who has
      this track alone.
    - Rename: sets what is given. A referee who is given a team is a player.

    A team's name belongs to the team in which most of the players are whom the log says to be in it, else to the other
    of the two, else to a new one, numbered from 2. The player is then in the team of that name, wherever they were
    found to be; it is remarked upon. Names that `players` give to teams stay.

    Who has no name gets it from the roster in the end, where team and number are known.
    """
    names = roster_names(roster)
    unnamed = (replace(p, name=None) if p.name == name_in(names, players.team_names, p) else p for p in players)
    state = _State({player.player_id: player for player in unnamed}, dict(players.team_names), BoxIndex(tracks), names)
    state.team_of_name = _teams_of_names(state, corrections)
    applied: list[str] = []
    unfit: list[Unfit] = []
    remarks: list[Remark] = []
    for edit in corrections:
        named = state.team_names.copy()
        state.said = []
        try:
            state.apply(edit)
        except _DoesNotFit as reason:
            state.team_names = named
            unfit.append(Unfit(edit.edit_id, edit.kind, str(reason)))
        else:
            applied.append(edit.edit_id)
            remarks += [Remark(edit.edit_id, edit.kind, what) for what in state.said]
    changed = Players(tuple(state.people.values()), state.team_names)
    return Replayed(named_from_roster(changed, roster), tuple(applied), tuple(unfit), tuple(remarks))


class _DoesNotFit(Exception):
    """Why an edit cannot be done."""


@dataclass(slots=True)
class _State:
    """The players in the middle of a replay. A name that the roster gives is left out, since it changes with the
    number."""

    people: dict[int, Player]
    team_names: dict[int, str]
    boxes: BoxIndex
    names: Mapping[tuple[str, str], str]
    """The roster's, by `team_key` and number."""
    team_of_name: dict[str, int] = field(default_factory=dict)
    """The team's number, by `team_key`, of every name in the log."""
    said: list[str] = field(default_factory=list)
    """Remarks on the edit at hand."""
    _holders: dict[int, set[int]] = field(default_factory=dict)
    """Ids of all players who ever had a piece of a track, by track id."""

    def __post_init__(self) -> None:
        for player in self.people.values():
            self._note_holder(player)

    def apply(self, edit: Correction) -> None:
        """Does one edit. Raises _DoesNotFit before anybody is changed; only a team may have got a name."""
        if isinstance(edit, Merge):
            first, second = self.at(edit.first)[0], self.at(edit.second)[0]
            if first is not second:
                self._unite(first, second)
        elif isinstance(edit, Split):
            self._split(self.at(edit.anchor)[0], edit)
        elif isinstance(edit, Assign):
            self._assign(edit)
        else:
            self._rename(edit)

    def at(self, anchor: Anchor) -> tuple[Player, Found]:
        """Who is at an anchor, and on which box. Raises _DoesNotFit."""
        place = f"frame {anchor.frame}"
        found = self.boxes.boxes_at(anchor)
        if not found:
            raise _DoesNotFit(f"nobody is there in {place} any more, nor in the {FRAMES_BESIDE} frames beside it")
        best, owner = found[0], self._owner(found[0])
        others = [self._owner(box) for box in found[1:] if box.is_as_good_as(best)]
        if any(other is not owner for other in others):
            who = " and ".join(sorted({_called(player) for player in (owner, *others)}))
            raise _DoesNotFit(f"in {place} it could be one of several: {who} are about equally near")
        if owner is None:
            raise _DoesNotFit(f"the box there in {place} belongs to no player")
        return owner, best

    def _owner(self, box: Found) -> Player | None:
        for player_id in sorted(self._holders.get(box.track_id, ())):
            player = self.people.get(player_id)
            if player is not None and any(
                own.track_id == box.track_id and own.start <= box.frame <= own.end for own in player.segments
            ):
                return player
        return None

    def _note_holder(self, player: Player) -> None:
        for segment in player.segments:
            self._holders.setdefault(segment.track_id, set()).add(player.player_id)

    def _set(self, player: Player) -> Player:
        self.people[player.player_id] = player
        self._note_holder(player)
        return player

    def _free_id(self) -> int:
        return next(number for number in count(1) if number not in self.people)

    def _unite(self, first: Player, second: Player) -> None:
        """`second` becomes a part of `first`."""
        segments = self._together(first.segments, second.segments, first, second)
        self._remark_on_contradictions(first, second)
        del self.people[second.player_id]
        team_id = first.team_id if first.team_id is not None or first.role == _REFEREE else second.team_id
        role = first.role or second.role
        if first.role is None and role == _REFEREE and team_id is not None:
            self.said.append(f"{_called(second)} was a referee, {_called(first)} stays in {self._team_called(team_id)}")
            role = None
        merged = replace(
            first,
            segments=segments,
            name=first.name if self._name(first) is not None else second.name,
            number=first.number if first.number is not None else second.number,
            team_id=team_id,
            role=role,
        )
        self._set(merged)
        if (merged.team_id, merged.number) != (first.team_id, first.number):
            self._remark_on_twins(merged)

    def _together(
        self, one: Sequence[Segment], other: Sequence[Segment], first: Player, second: Player
    ) -> tuple[Segment, ...]:
        """The segments of both; where one lies in a gap of another, the other is cut there. Raises _DoesNotFit."""
        joined: list[Segment] = []
        at_once: list[NDArray[np.int64]] = []
        given_up: list[NDArray[np.int64]] = []
        for cluster in _clusters(sorted([*one, *other], key=lambda segment: segment.start)):
            if len(cluster) == 1:
                joined += cluster
                continue
            frames = [self.boxes.frames_seen(segment) for segment in cluster]
            frame = np.concatenate(frames)
            order = np.argsort(frame, kind="stable")
            whose = np.repeat(np.arange(len(cluster)), [len(own) for own in frames])[order]
            frame = frame[order]
            at_once.append(np.unique(frame[1:][frame[1:] == frame[:-1]]))
            begins = np.flatnonzero(np.append(True, whose[1:] != whose[:-1]))
            ends = np.append(begins[1:], len(whose)) - 1
            joined += [
                Segment(cluster[whose[begin]].track_id, int(frame[begin]), int(frame[end]))
                for begin, end in zip(begins, ends, strict=True)
            ]
            for place, segment in enumerate(cluster):
                own = whose[begins] == place
                filled = self.boxes.frames_of(segment)
                given_up.append(filled[~_within(filled, frame[begins[own]], frame[ends[own]])])
        who = f"{_called(first)} and {_called(second)}"
        if any(map(len, at_once)):
            raise _DoesNotFit(f"{who} are both seen at once in {_stretches(np.concatenate(at_once))}")
        if any(map(len, given_up)):
            where = _stretches(np.unique(np.concatenate(given_up)))
            self.said.append(f"filled-in boxes of {who} are left out in {where}, beside where the other is seen")
        return _without_seams(joined)

    def _split(self, player: Player, edit: Split) -> None:
        at = edit.at_frame
        before = tuple(s._replace(end=min(s.end, at - 1)) for s in player.segments if s.start < at)
        after = tuple(s._replace(start=max(s.start, at)) for s in player.segments if s.end >= at)
        if not before or not after:
            seen = f"frames {player.segments[0].start} to {player.segments[-1].end}"
            raise _DoesNotFit(f"{_called(player)} is seen in {seen}: frame {at} leaves nothing to split off")
        kept, other = (before, after) if edit.anchor.frame < at else (after, before)
        self._set(replace(player, segments=kept))
        self._set(Player(self._free_id(), player.team_id, segments=other, role=player.role))

    def _assign(self, edit: Assign) -> None:
        owner, box = self.at(edit.anchor)
        if edit.player is not None:
            target = self.at(edit.player)[0]
            if target is not owner:
                self._move(owner, box.track_id, target)
            return
        assert edit.team is not None and edit.number is not None  # the model sees to it
        team_id = self._team(edit.team)
        holders = [p for p in self.people.values() if p.team_id == team_id and p.number == edit.number]
        if any(holder is owner for holder in holders):
            return
        if len(holders) > 1:
            who = " and ".join(_called(holder) for holder in holders)
            raise _DoesNotFit(f"{who} are all number {edit.number} of {edit.team}: merge them, or rename one")
        if holders:
            self._move(owner, box.track_id, holders[0])
            return
        self._remark_on_roster(edit.team, edit.number)
        if owner.number is not None and any(s.track_id != box.track_id for s in owner.segments):
            mover = Player(self._free_id(), role=owner.role)
            self._set(mover)
            self._move(owner, box.track_id, mover)
            owner = self.people[mover.player_id]
        name = owner.name if (team_key(edit.team), edit.number) not in self.names else None
        self._change(owner, name=name, number=edit.number, team_id=team_id)

    def _move(self, owner: Player, track_id: int, target: Player) -> None:
        moved = [segment for segment in owner.segments if segment.track_id == track_id]
        left = tuple(segment for segment in owner.segments if segment.track_id != track_id)
        if not left:
            self._unite(target, owner)
            return
        segments = self._together(target.segments, moved, target, owner)
        self._set(replace(owner, segments=left))
        self._set(replace(target, segments=segments))

    def _rename(self, edit: Rename) -> None:
        player, _ = self.at(edit.anchor)
        if edit.name is not None and not edit.name.strip():
            raise _DoesNotFit("the name is blank")
        team_id = self._team(edit.team) if edit.team is not None else player.team_id
        name = " ".join(edit.name.split()) if edit.name is not None else player.name
        number = edit.number if edit.number is not None else player.number
        self._change(player, name=name, number=number, team_id=team_id, remarks=False)
        team = self.team_names.get(team_id) if team_id is not None else None
        if team is not None and number is not None and (edit.team is not None or edit.number is not None):
            self._remark_on_roster(team, number)
        listed = self.names.get((team_key(team), number)) if team is not None and number is not None else None
        if name is not None and listed is not None and team_key(name) != team_key(listed):
            self.said.append(f"the roster calls number {number} of {team} {listed}, not {name}")

    def _change(
        self,
        player: Player,
        *,
        name: str | None,
        number: str | None,
        team_id: int | None,
        remarks: bool = True,
    ) -> None:
        """Calls a player so. `remarks`: whether to remark on the name and number that are overridden."""
        role = player.role
        if team_id != player.team_id and team_id is not None:
            if player.team_id is not None:
                where = self._team_called(player.team_id)
                self.said.append(f"{_called(player)} was in {where} and is now in {self._team_called(team_id)}")
            if role == _REFEREE:
                self.said.append(f"{_called(player)} was taken for a referee and is now a player")
                role = "player"
        if remarks and player.number is not None and player.number != number:
            self.said.append(f"{_called(player)} was number {player.number} and is now number {number}")
        if remarks and player.name is not None and player.name != name:
            self.said.append(f"{_called(player)} was called {player.name} and is now called as in the roster")
        changed = self._set(replace(player, name=name, number=number, team_id=team_id, role=role))
        if (changed.team_id, changed.number) != (player.team_id, player.number):
            self._remark_on_twins(changed)

    def _team(self, name: str) -> int:
        """The number of the team of this name, which is called so from now on. Raises _DoesNotFit."""
        if not team_key(name):
            raise _DoesNotFit("the team's name is blank")
        team_id = self.team_of_name[team_key(name)]
        self.team_names.setdefault(team_id, " ".join(name.split()))
        return team_id

    def _team_called(self, team_id: int) -> str:
        return team_called(team_id, self.team_names)

    def _name(self, player: Player) -> str | None:
        return player.name if player.name is not None else name_in(self.names, self.team_names, player)

    def _remark_on_contradictions(self, first: Player, second: Player) -> None:
        teams = (None if p.team_id is None else self._team_called(p.team_id) for p in (first, second))
        pairs = {
            "called": (self._name(first), self._name(second)),
            "number": (first.number, second.number),
            "in": tuple(teams),
            "a": (first.role, second.role),
        }
        for word, (one, other) in pairs.items():
            if one is not None and other is not None and one != other:
                self.said.append(f"{_called(second)} was {word} {other}, {_called(first)} stays {word} {one}")

    def _remark_on_twins(self, player: Player) -> None:
        if player.team_id is None or player.number is None:
            return
        same = [p for p in self.people.values() if (p.team_id, p.number) == (player.team_id, player.number)]
        if len(same) > 1:
            who = " and ".join(_called(each) for each in same)
            self.said.append(f"{who} are all number {player.number} of {self._team_called(player.team_id)}")

    def _remark_on_roster(self, team: str, number: str) -> None:
        if self.names and (team_key(team), number) not in self.names:
            self.said.append(f"the roster has no number {number} of {team}")


def _teams_of_names(state: _State, corrections: Sequence[Correction]) -> dict[str, int]:
    """The team's number by `team_key` of its name, for all said or known before: by majority, else what is left."""
    votes: Counter[tuple[int, str]] = Counter()
    known = {team_key(name): team_id for team_id, name in state.team_names.items()}
    said: dict[str, None] = {}
    for edit in corrections:
        if not isinstance(edit, Assign | Rename) or edit.team is None or not team_key(edit.team):
            continue
        said[team_key(edit.team)] = None
        try:
            team_id = state.at(edit.anchor)[0].team_id
        except _DoesNotFit:
            continue
        if team_id is not None:
            votes[team_id, team_key(edit.team)] += 1
    for (team_id, name), _ in votes.most_common():  # of equal counts, the first said comes first
        if name not in known and team_id not in known.values():
            known[name] = team_id
    has_vote = {name for _, name in votes}
    used = set(known.values()) | {p.team_id for p in state.people.values() if p.team_id is not None}
    for name in sorted(said, key=lambda each: each not in has_vote):
        if name in known:
            continue
        free = [team_id for team_id in TEAMS if team_id not in known.values()]
        if free and (name in has_vote or len(free) == 1):
            known[name] = free[0]
        else:  # with both teams nameless, nothing says which of them it is
            known[name] = next(number for number in count(len(TEAMS)) if number not in used)
        used.add(known[name])
    return known


def _clusters(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Segments, sorted by start, in groups that overlap in time."""
    clusters: list[list[Segment]] = []
    end = -1
    for segment in segments:
        if segment.start > end:
            clusters.append([])
        clusters[-1].append(segment)
        end = max(end, segment.end)
    return clusters


def _within(frames: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of `frames` lie in one of the stretches `start` to `end`, which are sorted and do not overlap."""
    place = np.searchsorted(start, frames, side="right") - 1
    inside: NDArray[np.bool_] = (place >= 0) & (frames <= end[np.maximum(place, 0)])
    return inside


def _without_seams(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Segments, sorted by start, with those joined that follow each other on one track without a gap."""
    whole: list[Segment] = []
    for segment in segments:
        if whole and whole[-1].track_id == segment.track_id and whole[-1].end + 1 == segment.start:
            whole[-1] = whole[-1]._replace(end=segment.end)
        else:
            whole.append(segment)
    return tuple(whole)


def _stretches(frames: NDArray[np.int64]) -> str:
    """Sorted frames in words, as stretches."""
    parts = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    words = [f"{part[0]}" if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts[:_STRETCHES_NAMED]]
    more = len(parts) - len(words)
    return f"frame{'s' * (len(frames) > 1)} " + ", ".join(words) + (f" and {more} more stretches" if more else "")


def _called(player: Player | None) -> str:
    return "nobody" if player is None else f"player {player.player_id}"
