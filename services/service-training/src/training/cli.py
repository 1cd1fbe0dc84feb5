"""The command line: `python -m training`, the same as `bazel run //services/service-training --`.

What a command needs is imported inside it: torch takes longer to load than `--help` takes to read.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_libs.common.command_line import run_command_line
from shared_libs.common.errors import InputError
from shared_libs.utils.paths import user_path
from training import __version__

if TYPE_CHECKING:
    from training.evaluating import Evaluation
    from training.fitting import Result

SMALLEST = 64, 16
"""Height and width of crops, in pixels, of which a network still sees enough."""

LARGEST = 2048

app = typer.Typer(
    name="training",
    help="Learns to tell players apart: crops of tracked people in, re-identification models out.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models = typer.Typer(
    name="models",
    help="The models in storage: which there are, what they are, which is in use.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(models)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"service-training {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Learns to tell players apart: crops of tracked people in, re-identification models out."""


Quiet = Annotated[bool, typer.Option("--quiet", help="Do not show how far it is.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Storage = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="Folder or URL of the storage; LAXAI_STORAGE says it otherwise."),
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Whose models; LAXAI_TENANT says it otherwise.")
]


@app.command("build-dataset")
def build_dataset_command(
    games: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO TRACKS ...",
            help="Films, each followed by its tracks: a folder that `track` wrote, or JSON, MOT text or Parquet.",
        ),
    ],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder for the data set.")],
    identities: Annotated[
        str,
        typer.Option(
            "--identities",
            help="Who is one person: auto (players where they are linked, else tracks), track, or person (ids are "
            "people for certain, as in ground truth).",
        ),
    ] = "auto",
    per_identity: Annotated[int, typer.Option("--per-identity", help="Crops of one identity at most.")] = 60,
    validation_share: Annotated[
        float, typer.Option("--validation-share", help="What is held back for validation, 0 to 1.")
    ] = 0.2,
    by: Annotated[
        str,
        typer.Option(
            "--by", help="What is held back: identity, game (the last), time; auto: identity if there are enough."
        ),
    ] = "auto",
    gap_seconds: Annotated[
        float, typer.Option("--gap-seconds", help="By time: seconds between the two parts, not used.")
    ] = 2.0,
    seed: Annotated[int, typer.Option("--seed", help="Draws who is held back.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Cuts the cleanest crops of everybody out of films, sorted by who they show, for training and validation."""
    from training.dataset.building import Request, build_dataset
    from training.dataset.games import Game

    if len(games) % 2:
        cause = "films and tracks come in pairs, and the last one is alone"
        raise InputError("GAMES", cause, hint="VIDEO TRACKS VIDEO TRACKS …")
    pairs = zip(games[::2], games[1::2], strict=True)
    description = build_dataset(
        Request(
            games=tuple(Game(user_path(film), user_path(tracks)) for film, tracks in pairs),
            out=user_path(out),
            identities=_choice("--identities", identities, ("auto", "track", "person")),
            per_identity=per_identity,
            validation_share=validation_share,
            by=_choice("--by", by, ("auto", "identity", "game", "time")),
            gap_seconds=gap_seconds,
            seed=seed,
        ),
        quiet=quiet,
    )
    crops, people = description.counts.crops, description.counts.identities
    lines = [
        f"{crops.train:,} crops of {people.train:,} people to learn from, {crops.val:,} of {people.val:,} held back "
        f"by {description.split.by}",
        *(f"note: {note}" for note in description.notes),
        f"data set in {out.rstrip('/') or '/'}",
    ]
    typer.echo("\n".join(lines))


@app.command("train")
def train_command(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="A folder that `build-dataset` wrote, or one of person/….jpg.")
    ],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder for the results; made if needed.")],
    network: Annotated[
        str, typer.Option("--network", help="small (a processor trains it in minutes) or resnet50.")
    ] = "small",
    loss: Annotated[str, typer.Option("--loss", help="contrastive, multi-similarity or triplet.")] = "contrastive",
    identity_weight: Annotated[
        float, typer.Option("--identity-weight", min=0, help="Of naming each person, beside the loss; 0 leaves it out.")
    ] = 1.0,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="How often as many crops are seen as there are.")] = 60,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="Train for that long (90s, 5m, 2h), whatever the epochs."),
    ] = None,
    batch: Annotated[str, typer.Option("--batch", metavar="PxK", help="P people with K crops each.")] = "16x4",
    size: Annotated[str, typer.Option("--size", metavar="HxW", help="Of the crops, in pixels.")] = "128x64",
    embedding: Annotated[int, typer.Option("--embedding", min=8, max=4096, help="Values of a vector.")] = 256,
    rate: Annotated[float, typer.Option("--rate", min=0, help="The highest learning rate.")] = 3e-3,
    decay: Annotated[float, typer.Option("--decay", min=0, help="Weight decay.")] = 5e-4,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience", min=1, help="Epochs without a better score, then it ends. [default: 20; with --budget never]"
        ),
    ] = None,
    augmentation: Annotated[
        str | None, typer.Option("--augmentation", metavar="FILE", help="JSON with variations of crops that differ.")
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", metavar="CHECKPOINT", help="Begin with these weights, not random ones.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of everything that is drawn.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in DIR.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, in place of a training in DIR.")] = False,
    accelerator: Annotated[str, typer.Option("--accelerator", help="auto, cpu or cuda.")] = "auto",
    devices: Annotated[int, typer.Option("--devices", min=1, help="GPUs, or processes on the CPU, a machine.")] = 1,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Machines; start it on each, as torchrun does.")] = 1,
    precision: Annotated[
        str, typer.Option("--precision", help="auto (bf16 on GPUs that have it), 32 or bf16.")
    ] = "auto",
    compile_: Annotated[str, typer.Option("--compile", help="auto (on GPUs), on or off.")] = "auto",
    wandb: Annotated[
        str | None, typer.Option("--wandb", metavar="PROJECT", help="Log to Weights & Biases as well.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Trains a model: writes best.ckpt, last.ckpt, history.csv, curves for TensorBoard and run.json to DIR.

    A training that was cut short, by whatever, goes on with --resume.
    """
    from training.fitting import fit
    from training.keeping import Interrupted
    from training.loading.sampling import BatchShape
    from training.losses import LOSSES
    from training.networks.network import NETWORKS
    from training.request import Request, read_augmentation

    identities, crops = _pair("--batch", batch, "16x4", (2, 2))
    height, width = _pair("--size", size, "128x64", SMALLEST)
    request = Request(
        dataset=user_path(dataset),
        out=user_path(out),
        network=_choice("--network", network, NETWORKS),
        embedding_size=embedding,
        height=height,
        width=width,
        loss=_choice("--loss", loss, LOSSES),
        identity_weight=identity_weight,
        shape=BatchShape(identities, crops),
        augment=read_augmentation(user_path(augmentation) if augmentation is not None else None),
        rate=_finite("--rate", rate),
        decay=_finite("--decay", decay),
        epochs=epochs,
        budget=_seconds(budget) if budget is not None else None,
        patience=patience,
        seed=seed,
        base=user_path(base) if base is not None else None,
        resume=resume,
        fresh=fresh,
        accelerator=_choice("--accelerator", accelerator, ("auto", "cpu", "cuda")),
        devices=devices,
        nodes=nodes,
        precision=_choice("--precision", precision, ("auto", "32", "bf16")),
        compile=_choice("--compile", compile_, ("auto", "on", "off")),
        wandb=wandb,
        quiet=quiet,
    )
    try:
        result = fit(request, lambda words: typer.echo(words, err=True))
    except Interrupted as interrupted:
        typer.echo(f"interrupted {interrupted.where}", err=True)
        raise typer.Exit(128 + interrupted.number) from None
    if result is not None:
        typer.echo(_trained(result, out))


@app.command("evaluate")
def evaluate_command(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A data set, or a folder of person/….jpg.")],
    model: Annotated[
        str,
        typer.Option(
            "--model", metavar="MODEL", help="A folder that `train` wrote, a checkpoint, MODEL.onnx, or a stored model."
        ),
    ],
    part: Annotated[str, typer.Option("--part", help="Of the data set: val, train or all.")] = "val",
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Folder for report.html and scores.json.")
    ] = None,
    storage: Storage = None,
    tenant: Tenant = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measures how well a model tells people apart, beside a colour histogram and the network untrained."""
    from training.evaluating import evaluate_model, write_evaluation

    chosen, folder = _choice("--part", part, ("val", "train", "all")), user_path(dataset)
    found = evaluate_model(model, folder, part=chosen, storage=storage, tenant=tenant, quiet=quiet)
    if out is not None:
        write_evaluation(user_path(out), found, folder, chosen)
    if as_json:
        rows = {name: scores.to_metrics() for name, scores in found.baselines.items()}
        typer.echo(json.dumps({"model": found.scores.to_metrics(), "baselines": rows}, indent=2))
        return
    typer.echo(_scores_table(found))
    if out is not None:
        typer.echo(f"report in {out.rstrip('/') or '/'}: report.html, scores.json")


@app.command("export")
def export_command(
    source: Annotated[str, typer.Argument(metavar="RUN", help="A folder that `train` wrote, or a checkpoint.")],
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Folder for model.onnx and model.json; without it, the storage."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    storage: Storage = None,
    tenant: Tenant = None,
) -> None:
    """Writes a trained model as ONNX with its card, held against torch: for `track --reid`, or into the storage."""
    from shared_libs.common.model_store import ModelStore
    from training.exporting import export_model

    if out is not None:
        exported = export_model(user_path(source), user_path(out), name=name)
        typer.echo(f"differs from torch by {exported.difference:.1e} at most")
        typer.echo(f"{exported.card.model_id} in {out.rstrip('/') or '/'}: model.onnx, model.json, checkpoint.ckpt")
        return
    store = ModelStore.configured(storage, tenant)
    with tempfile.TemporaryDirectory() as folder:
        exported = export_model(user_path(source), Path(folder), name=name)
        card = exported.card
        store.add({part: Path(folder) / part for part in card.files}, card)
    typer.echo(f"differs from torch by {exported.difference:.1e} at most")
    typer.echo(f"{card.model_id} is in {store.place}; `training models promote {card.model_id}` puts it in use")


@models.command("list")
def list_command(storage: Storage = None, tenant: Tenant = None, as_json: Json = False) -> None:
    """All models, newest first."""
    from training.models_command import list_models, list_models_json

    typer.echo(_json(list_models_json(storage, tenant)) if as_json else list_models(storage, tenant))


ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A model's id.")]


@models.command("show")
def show_command(model: ModelName, storage: Storage = None, tenant: Tenant = None, as_json: Json = False) -> None:
    """All that is known of one model."""
    from training.models_command import show_model, show_model_json

    typer.echo(_json(show_model_json(model, storage, tenant)) if as_json else show_model(model, storage, tenant))


@models.command("promote")
def promote_command(model: ModelName, storage: Storage = None, tenant: Tenant = None, as_json: Json = False) -> None:
    """Puts a model in use: `track` takes it from then on, unless told otherwise."""
    from training.models_command import promote_model, promote_model_json

    typer.echo(_json(promote_model_json(model, storage, tenant)) if as_json else promote_model(model, storage, tenant))


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def _choice(option: str, given: str, known: Sequence[str]) -> Any:
    if given not in known:
        raise InputError(option, f"there is no {given!r}", hint=f"choose from {', '.join(known)}")
    return given


def _pair(option: str, text: str, example: str, least: tuple[int, int]) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text, re.ASCII)
    if found is None:
        raise InputError(option, f"is not two numbers: {text!r}", hint=f"for example {example}")
    pair = int(found[1]), int(found[2])
    if pair[0] < least[0] or pair[1] < least[1] or max(pair) > LARGEST:
        cause = f"must be from {least[0]}x{least[1]} to {LARGEST}x{LARGEST}, not {text}"
        raise InputError(option, cause, hint=f"for example {example}")
    return pair


def _finite(option: str, number: float) -> float:
    if not math.isfinite(number):
        raise InputError(option, f"must be a finite number, not {number}")
    return number


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d{1,7}(?:\.\d+)?)(s|m|h)?", text, re.ASCII)
    seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2] or "s"] if found else 0
    if not seconds:
        raise InputError("--budget", f"is no time: {text!r}", hint="for example 90s, 5m or 2h")
    return seconds


def _trained(result: Result, out: str) -> str:
    """What happened and where it lies."""
    run = result.run
    metrics, timings = run.metrics, run.timings
    lines = [
        f"{metrics['epochs']:,.0f} epochs, {metrics['images']:,.0f} images in {timings['training']:,.0f} s "
        f"({timings['images_per_second']:,.0f} images/s); best after epoch {metrics['best_epoch']:,.0f}",
        f"validation: rank-1 {100 * metrics['val/rank1']:.1f} %, mAP {100 * metrics['val/mAP']:.1f} %",
        *(f"note: {note}" for note in run.notes),
        f"results in {out.rstrip('/') or '/'}: {', '.join(sorted(path.name for path in result.folder.iterdir()))}",
        f"next: training export {out}",
    ]
    return "\n".join(lines)


def _scores_table(found: Evaluation) -> str:
    names = {"rank-1": "rank1", "rank-5": "rank5", "rank-10": "rank10", "mAP": "mAP", "mINP": "mINP", "AUC": "auc"}
    rows = [("", *names, "EER")]
    for name, scores in {found.subject: found.scores, **found.baselines}.items():
        metrics = scores.to_metrics()
        rows.append((name, *(_percent(metrics.get(key)) for key in names.values()), _percent(metrics.get("eer"))))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    queries, people = found.scores.ranking.queries, len(found.crops.identities)
    left_out = [f"left out: {problem}" for problem in found.problems]
    return "\n".join([*table, f"{queries:,} queries, {people:,} people; in percent", *left_out])


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, 2 for bad input, 130 after Ctrl-C, 143 after SIGTERM."""
    return run_command_line(app, "training", arguments)
