"""clips.json: clip reels of some players of a run, in its folder, and what each of them shows."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from shared_libs.common.documents import Contract, read_document, write_document
from shared_libs.common.errors import PathLike
from shared_libs.common.run import InputFile, Sha256

SCHEMA: Final = "laxai.clips"
SCHEMA_VERSION: Final = 1

_Seconds = Annotated[float, Field(ge=0)]


class Scene(Contract):
    """A time when a player is in view, with what lies around it: `start` to `end` of the film, `reel_start` to
    `reel_end` of the reel, in seconds."""

    start: _Seconds
    end: _Seconds
    reel_start: _Seconds
    reel_end: _Seconds

    @model_validator(mode="after")
    def _is_not_backwards(self) -> Self:
        if self.end < self.start or self.reel_end < self.reel_start:
            raise ValueError("a scene must not end before it starts")
        return self


class Reel(Contract):
    """A player's film. number, name: of the player, as far as known. file: in the folder of clips.json. seconds: how
    long it is. made_from: a digest of all that decides how it looks. scenes: in the film's order."""

    player_id: Annotated[int, Field(ge=0)]
    number: str | None
    name: str | None
    file: InputFile
    seconds: _Seconds
    made_from: Sha256
    scenes: tuple[Scene, ...]


class Clips(Contract):
    """The reels, by player, and the film that they are of."""

    schema_: Literal["laxai.clips"] = Field(default=SCHEMA, alias="schema")
    schema_version: Literal[1] = SCHEMA_VERSION
    code_version: Annotated[str, Field(min_length=1)]
    video: InputFile
    reels: tuple[Reel, ...]

    @model_validator(mode="after")
    def _has_one_reel_a_player(self) -> Self:
        players = [reel.player_id for reel in self.reels]
        if players != sorted(set(players)):
            raise ValueError("reels must be sorted by player_id, with one of each player")
        return self


def write_clips(path: PathLike, clips: Clips) -> None:
    """Writes clips.json. Raises OutputError."""
    write_document(path, clips)


def read_clips(path: PathLike) -> Clips:
    """Reads clips.json. Raises InputError for bad JSON, another schema, a newer version, or a field that is wrong."""
    return read_document(path, Clips, SCHEMA, SCHEMA_VERSION)
