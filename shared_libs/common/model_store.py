"""The models of a tenant, in a folder or an object store: which there are, their files, which of them are in use.

    {tenant}/models/{model}/{model.onnx,checkpoint.ckpt,model.json}
    {tenant}/models/promoted.json

A model is there once its model.json is, which comes last. A promoted model is the one that is used where none is named.
What was read is held against the SHA-256 in its card before it is believed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

from pydantic import AwareDatetime, Field

from shared_libs.common.configured import load_settings
from shared_libs.common.documents import Contract, validate_document
from shared_libs.common.errors import InputError, OutputError, PathLike
from shared_libs.common.files import atomic_write, sha256_file, temporary_beside
from shared_libs.common.jobs import ModelId
from shared_libs.common.json_text import dump_json, parse_json
from shared_libs.common.model_card import ModelCard, ModelKind, ModelPart, check_digest, parse_model_card
from shared_libs.common.storage import (
    ModelFile,
    StoragePathError,
    check_tenant,
    model_folder,
    model_path,
    models_folder,
    promoted_models,
)
from shared_libs.common.stored_files import LocalFiles, stored_files
from shared_libs.config.storage import StorageSettings
from shared_libs.utils.ids import parse_id

PROMOTED_SCHEMA: Final = "laxai.promoted"
PROMOTED_SCHEMA_VERSION: Final = 1


class Promoted(Contract):
    """promoted.json: the model of each kind that is in use, since when, and which one the last promotion replaced."""

    schema_: Literal["laxai.promoted"] = Field(default=PROMOTED_SCHEMA, alias="schema")
    schema_version: Literal[1] = PROMOTED_SCHEMA_VERSION
    reid: ModelId | None = None
    detector: ModelId | None = None
    previous: ModelId | None = None
    time: AwareDatetime

    def of(self, kind: ModelKind) -> str | None:
        """The id of the model of a kind."""
        return self.reid if kind == "reid" else self.detector


class Listing(NamedTuple):
    """models: newest first. problems: one line for each folder whose card cannot be used."""

    models: tuple[ModelCard, ...]
    problems: tuple[str, ...]


class ModelStore:
    """The models of one tenant. `place`: where the storage is.

    Every method raises InputError where something cannot be read or is not what it should be, OutputError where it
    cannot be written, and TransientError where another try may do: one line, whatever the storage is.
    """

    def __init__(self, storage: PathLike, tenant: str) -> None:
        """storage: a folder, which need not be there yet, or a URL that fsspec knows (`file://`, `s3://`, `gs://`).

        Raises InputError for a URL that cannot be used here, and for what is no tenant's name.
        """
        try:
            self._tenant = check_tenant(tenant)
        except StoragePathError as error:
            raise InputError("tenant", str(error), hint="choose another name") from None
        self._files = stored_files(storage)
        self.place = self._files.place()

    @classmethod
    def configured(cls, storage: str | None = None, tenant: str | None = None) -> Self:
        """The store that the settings name (LAXAI_STORAGE, LAXAI_TENANT), where the arguments do not."""
        settings = load_settings(StorageSettings, storage=storage, tenant=tenant)
        return cls(settings.storage, settings.tenant)

    def list(self) -> Listing:
        """All models. What is being added, and has no card yet, is not among them."""
        cards, problems = [], []
        for name in self._files.folders(models_folder(self._tenant)):
            try:
                parse_id(name, "model")
            except ValueError:
                continue
            try:
                found = self._card(name)
            except InputError as error:
                problems.append(str(error))
            else:
                cards += [] if found is None else [found[0]]
        newest_first = sorted(cards, key=lambda card: (card.created, card.model_id), reverse=True)
        return Listing(tuple(newest_first), tuple(problems))

    def card(self, model_id: str) -> ModelCard:
        """The card of a model. Raises InputError where there is no such model."""
        return self._known(model_id)[0]

    def add(self, files: Mapping[ModelPart, PathLike], card: ModelCard) -> None:
        """Adds a model: `files` are all that its card names, and as it describes them.

        Never replaces a model: OutputError where the id is taken. In a folder the model appears whole or not at all; in
        an object store its card comes last.
        """
        if set(files) != set(card.files):
            raise ValueError(f"the card names {sorted(card.files)}, given were {sorted(files)}")
        for name, path in files.items():
            check_digest(card, name, path, sha256_file(path))
        content = dump_json(card.model_dump(mode="json", by_alias=True))
        copied: dict[str, Path] = {name: Path(path) for name, path in files.items()}
        self._files.add(model_folder(self._tenant, card.model_id), copied, "model.json", content)

    def promote(self, model_id: str) -> Promoted:
        """Puts a model in use in place of the other of its kind, once its files have been found as its card has them.

        Of two promotions at a time the last one counts. A model that is in use stays so, and nothing is written.
        """
        card = self.card(model_id)
        for name in card.files:
            path = self._path(model_id, name)
            check_digest(card, name, self._files.place(path), self._files.sha256(path))
        before = self.in_use()
        if before is not None and before.of(card.kind) == model_id:
            return before
        ids: dict[str, Any] = {"reid": None, "detector": None}
        if before is not None:
            ids |= {"reid": before.reid, "detector": before.detector, "previous": before.of(card.kind)}
        now = Promoted(**(ids | {card.kind: model_id}), time=datetime.now(UTC))
        content = dump_json(now.model_dump(mode="json", by_alias=True))
        self._files.write(promoted_models(self._tenant), content)
        return now

    def in_use(self) -> Promoted | None:
        """Which models are promoted, as promoted.json has it; None before the first promotion."""
        path = promoted_models(self._tenant)
        content = self._files.read(path)
        if content is None:
            return None
        place = self._files.place(path)
        try:
            document = parse_json(place, content)
            return validate_document(place, document, Promoted, PROMOTED_SCHEMA, PROMOTED_SCHEMA_VERSION)
        except InputError as error:
            hint = "; ".join(filter(None, [error.hint, "to begin anew, remove it and promote a model"]))
            raise InputError(place, error.cause, line=error.line, hint=hint) from None

    def promoted(self, kind: ModelKind) -> ModelCard | None:
        """The card of the model of a kind that is in use, None where none is."""
        promoted = self.in_use()
        model_id = promoted.of(kind) if promoted is not None else None
        if model_id is None:
            return None
        card = self.card(model_id)
        if card.kind != kind:
            place = self._files.place(promoted_models(self._tenant))
            raise InputError(place, f"{kind}: {model_id} is a {card.kind} model", hint="promote another model")
        return card

    def fetch(self, model_id: str, folder: PathLike) -> Path:
        """Where model.onnx lies on this machine, with model.json beside it; its SHA-256 is that of the card.

        From an object store both are brought to `folder`/`model_id`, unless they are there already. Of storage in a
        folder it is the very file.
        """
        card, content = self._known(model_id)
        path = self._path(model_id, "model.onnx")
        if isinstance(self._files, LocalFiles):
            local = self._files.place(path)
            check_digest(card, "model.onnx", local, sha256_file(local))
            return Path(local)
        target = Path(folder) / model_id / "model.onnx"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError.from_os_error(target.parent, error) from error
        if not target.exists() or sha256_file(target) != card.files["model.onnx"].sha256:
            with temporary_beside(target) as temporary:
                self._files.copy(path, temporary)
                check_digest(card, "model.onnx", self._files.place(path), sha256_file(temporary))
        with atomic_write(target.with_name("model.json")) as file:
            file.write(content)
        return target

    def _known(self, model_id: str) -> tuple[ModelCard, bytes]:
        found = self._card(model_id)
        if found is None:
            place = self._files.place(self._path(model_id, "model.json"))
            raise InputError(place, f"there is no model {model_id}", hint="list the models to see which there are")
        return found

    def _card(self, model_id: str) -> tuple[ModelCard, bytes] | None:
        """A card and its bytes, None where there is none."""
        path = self._path(model_id, "model.json")
        content = self._files.read(path)
        if content is None:
            return None
        place = self._files.place(path)
        card = parse_model_card(place, content)
        if card.model_id != model_id:
            raise InputError(place, f"is the card of {card.model_id}", hint="add the model again under its own id")
        return card, content

    def _path(self, model_id: str, name: ModelFile) -> str:
        try:
            return model_path(self._tenant, model_id, name)
        except StoragePathError as error:
            raise InputError("model", str(error), hint="an id looks like model_3f9a0c51d2e7") from None
