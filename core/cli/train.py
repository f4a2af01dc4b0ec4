"""`train`: trains an embedder (`reid`, `tune`) or a person detector (`detector`), and prepares what training needs.

Modules that import PyTorch are imported only once a command runs, so that `--help` stays fast.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.cli.progress import listener
from core.cli.renamed_flags import add_former_flag, add_renamed_command
from core.lab.synthetic import SampleSettings
from core.vision.embed import open_embedder
from core.vision.models import find, model_digest

SIZES = "HEIGHTxWIDTH"
# Present name, former name, field of the recipe, help.
_WEIGHTS = (
    ("--metric-weight", "--metric", "metric", "weight of the metric loss (1)"),
    ("--identity-weight", "--identity", "identity", "weight of the identity classification loss (1)"),
    (
        "--similarity-weight",
        "--alike",
        "alike",
        "weight of the teacher's similarities between crops (20 with --teacher)",
    ),
    (
        "--regression-weight",
        "--towards",
        "towards",
        "weight of the regression to the teacher's vectors (4 with --teacher)",
    ),
    ("--label-smoothing", "--smoothing", "smoothing", "label smoothing of the identity loss (0.1)"),
    ("--final-rate", "--final", "final", "learning rate at the end, as a share of --rate (0.01)"),
    ("--weight-decay", "--decay", "decay", "weight decay (0.0005)"),
)
_REID_COUNTS = (
    ("epochs", "passes over the crops (30)"),
    ("people", "people per batch (16)"),
    ("pictures", "crops of each person per batch (4)"),
    ("patience", "stop after this many epochs without a better mAP (0: never)"),
    ("seed", "seed of the random numbers (0)"),
)
_DETECTOR_COUNTS = (
    ("size", "long side of the pictures in pixels, a multiple of 32 (640)"),
    ("epochs", "passes over the pictures (10)"),
    ("batch", "pictures per batch (16)"),
    ("close_mosaic", "last epochs without mosaics (2)"),
    ("seed", "seed of the random numbers (0)"),
)
_DETECTOR_RATES = (
    ("rate", "highest learning rate (0.005)"),
    ("warmup", "epochs in which the learning rate climbs (0.5)"),
    ("scale", "range of random scaling (0.6)"),
)


def add_arguments(p: argparse.ArgumentParser) -> None:
    kinds = p.add_subparsers(dest="kind", required=True, metavar="WHAT")
    reid = kinds.add_parser("reid", help="train an embedder from crops of named people")
    _add_crops(reid)
    reid.add_argument("--loss", default="triplet", help="metric loss: triplet, contrastive or margin (triplet)")
    reid.add_argument("--margin", type=float, default=0.3, help="margin of the metric loss (0.3)")
    reid.add_argument("--rate", type=float, default=1e-3, help="highest learning rate (0.001)")
    reid.add_argument(
        "--backbone",
        default="osnet_x0_5",
        help="osnet_x0_25, osnet_x0_5, osnet_x1_0, resnet50, efficientnet_lite0 or yolo11n_body; steady_ in front: "
        "lighting-invariant (osnet_x0_5)",
    )
    reid.set_defaults(run=run_reid)
    tune = kinds.add_parser("tune", help="train embedders with several settings and compare them")
    _add_crops(tune)
    tune.add_argument(
        "--loss", nargs="+", default=["triplet"], help="metric losses to try: triplet, contrastive, margin"
    )
    tune.add_argument("--margin", type=float, nargs="+", default=[0.3], help="margins to try")
    tune.add_argument("--rate", type=float, nargs="+", default=[1e-3], help="highest learning rates to try")
    tune.add_argument("--backbone", nargs="+", default=["osnet_x0_25"], help="backbones to try")
    tune.set_defaults(run=run_tune)
    _add_detector(kinds)
    _add_prepare(kinds)
    add_renamed_command(
        kinds, "between", "interpolate", _add_interpolate, "interpolate the weights of two stages of a detector"
    )
    add_renamed_command(
        kinds, "means", "recompute-bn", _add_recompute_bn, "recompute an embedder's batch-norm statistics from crops"
    )
    add_renamed_command(kinds, "rendered", "synthetic", _add_synthetic, "draw synthetic training data of a plaza")


def _add_crops(p: argparse.ArgumentParser) -> None:
    p.add_argument("crops", type=Path, metavar="DIR", help="crops: Market-1501 layout, or a folder per person")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where weights and curves go")
    holdout = p.add_argument(
        "--holdout", type=int, default=0, metavar="N", help="hold out the last N people to evaluate"
    )
    add_former_flag(p, "--aside", holdout)
    extra = p.add_argument(
        "--extra-data", type=Path, action="append", default=[], metavar="DIR", help="crops of further people"
    )
    add_former_flag(p, "--also", extra)
    p.add_argument(
        "--teacher", metavar="NAME", action="append", help="distil this embedder: name or file; or several together"
    )
    p.add_argument(
        "--unlabelled", type=Path, metavar="DIR", help="further crops without names; they get distillation targets only"
    )
    p.add_argument(
        "--copies", type=int, default=0, metavar="N", help="distillation targets for N augmented copies of each crop"
    )
    p.add_argument("--start", type=Path, metavar="FILE", help="start from these weights instead of random ones")
    p.add_argument("--size", default="256x128", metavar=SIZES, help="size of the network's input (256x128)")
    p.add_argument("--no-augment", action="store_true", help="do not augment the crops")
    # Without defaults here: a flag that is left out changes nothing in the recipe.
    for name, help_text in _REID_COUNTS:
        p.add_argument(f"--{name}", type=int, metavar="N", help=help_text)
    per_batch = p.add_argument("--unlabelled-per-batch", type=int, metavar="N", help="unlabelled crops per batch (32)")
    add_former_flag(p, "--beside", per_batch)
    p.add_argument("--warmup", type=float, help="epochs in which the learning rate climbs (1)")
    for present, former, field, help_text in _WEIGHTS:
        add_former_flag(p, former, p.add_argument(present, type=float, dest=field, metavar="X", help=help_text))
    p.add_argument("--optimizer", help="adam or sgd (adam)")
    freeze = p.add_argument(
        "--freeze-bn",
        action="store_true",
        default=None,
        dest="settled",
        help="keep the batch-norm statistics of --start",
    )
    add_former_flag(p, "--settled", freeze)
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")


def _add_detector(kinds: Any) -> None:
    p: argparse.ArgumentParser = kinds.add_parser("detector", help="train a person detector from a YOLO data set")
    p.add_argument("data", type=Path, metavar="DATA.yaml", help="description of a YOLO data set")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where weights, curves and pictures go")
    p.add_argument("--start", type=Path, metavar="FILE.pt", help="start from these weights instead of random ones")
    p.add_argument("--freeze-bn", action="store_true", default=None, help="keep the batch-norm statistics of --start")
    for name, help_text in _DETECTOR_COUNTS:
        p.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=help_text)
    for name, help_text in _DETECTOR_RATES:
        p.add_argument(f"--{name}", type=float, metavar="X", help=help_text)
    final = p.add_argument(
        "--final-rate",
        type=float,
        dest="final",
        metavar="X",
        help="learning rate at the end, as a share of --rate (0.05)",
    )
    add_former_flag(p, "--final", final)
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run_detector)


def _add_prepare(kinds: Any) -> None:
    p: argparse.ArgumentParser = kinds.add_parser(
        "prepare", help="cut crops for `train reid` from the results of `track`"
    )
    p.add_argument("tracked", type=Path, metavar="RUN", help="the results of `track --out`")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the crops go")
    p.add_argument("--purpose", default="", help="what the data set is for; recorded in its card")
    p.add_argument("--consent", default="", help="who consented, and how; recorded in its card")
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run_prepare)


def _add_interpolate(p: argparse.ArgumentParser) -> None:
    p.add_argument("first", type=Path, metavar="FIRST.pt", help="weights of the first stage")
    p.add_argument("second", type=Path, metavar="SECOND.pt", help="weights of the second stage")
    p.add_argument("--share", type=float, default=0.5, help="share of the second file's weights, 0 to 1 (0.5)")
    p.add_argument("--out", type=Path, required=True, metavar="FILE.pt", help="where the new weights go")
    p.set_defaults(run=run_interpolate)


def _add_recompute_bn(p: argparse.ArgumentParser) -> None:
    p.add_argument("weights", type=Path, metavar="FILE", help="embedder.safetensors of train reid")
    p.add_argument("crops", type=Path, nargs="+", metavar="DIR", help="folders of crops")
    p.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the new weights go")
    max_per_folder = p.add_argument(
        "--max-per-folder", type=int, default=2000, metavar="N", help="crops to use from each folder (2000)"
    )
    add_former_flag(p, "--most", max_per_folder)
    p.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the choice of crops (0)")
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run_recompute_bn)


def _add_synthetic(p: argparse.ArgumentParser) -> None:
    defaults = SampleSettings()
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where crops and pictures go")
    p.add_argument(
        "--seeds", default="10-29", metavar="A-B", help="plazas to draw (10-29); 0 to 9 are reserved for tests"
    )
    p.add_argument("--every", type=int, default=25, metavar="N", help="use every Nth frame (25)")
    p.add_argument("--cameras", type=int, default=defaults.cameras, help=f"cameras of a plaza ({defaults.cameras})")
    p.add_argument("--people", type=int, default=defaults.people, help=f"people in a plaza ({defaults.people})")
    p.add_argument(
        "--seconds", type=float, default=defaults.seconds, help=f"length of each film in seconds ({defaults.seconds:g})"
    )
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run_synthetic)


def run_reid(options: argparse.Namespace) -> int:
    from core.lab.training import ReidRecipe

    recipe = ReidRecipe(**_recipe_flags(options, ReidRecipe), **_reid_settings(options))
    progress = Progress(listener(options.progress))
    row = _train_reid(options, recipe, options.out, progress)
    sys.stdout.write(
        f"{options.out / 'embedder.safetensors'}: loss {row.get('loss', float('nan')):.3f}{_accuracy_text(row)}\n"
    )
    return 0


def run_tune(options: argparse.Namespace) -> int:
    from core.lab.training import SWEEPABLE, ReidRecipe, sweep_recipes, sweep_table, train_sweep

    if not options.holdout:
        raise SettingsError("settings cannot be compared without people to evaluate on", "Hold some out: --holdout 20.")
    choices = {name: getattr(options, name) for name in SWEEPABLE}
    swept = dict.fromkeys(SWEEPABLE)
    base = ReidRecipe(
        **_recipe_flags(argparse.Namespace(**{**vars(options), **swept}), ReidRecipe), **_reid_settings(options)
    )
    progress = Progress(listener(options.progress))
    recipes = sweep_recipes(base, choices)

    def train_one(recipe: ReidRecipe) -> dict[str, float]:
        name = f"{recipe.backbone}_{recipe.loss}_margin{recipe.margin:g}_rate{recipe.rate:g}"
        progress.camera(name, recipes.index(recipe) + 1, len(recipes))
        return _train_reid(options, recipe, options.out / name, progress)

    sys.stdout.write(sweep_table(train_sweep(recipes, train_one)) + "\n")
    return 0


def _train_reid(options: argparse.Namespace, recipe: Any, out: Path, progress: Progress) -> dict[str, float]:
    """Train one embedder; the row of the learning curve that belongs to the weights it leaves in `out`."""
    from core.lab.training import Checkpoint, JoinedEmbedder, read_training_set, save_picture, train_reid

    teachers = [open_embedder(find(name, "embedder")) for name in options.teacher or []]
    teacher = JoinedEmbedder(teachers) if len(teachers) > 1 else teachers[0] if teachers else None
    training_set, evaluation = read_training_set(
        options.crops,
        recipe,
        options.holdout,
        teacher,
        options.unlabelled,
        progress,
        options.copies,
        options.extra_data,
    )
    start = model_digest(options.start) if options.start else ""
    inputs = {
        "start": start,
        "aside": options.holdout,
        "copies": options.copies,
        "pictures": training_set.fingerprint(),
    }
    checkpoint = Checkpoint(out, {**asdict(recipe), **inputs})
    train_reid(training_set, recipe, checkpoint, progress, options.start, evaluation)
    save_picture(out / "curve.png", checkpoint.curves.picture())
    return checkpoint.best_row()


def _reid_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings of the recipe that need more than copying a flag; checks that the flags fit together."""
    from core.lab.training import NO_AUGMENTATION

    height, cross, width = options.size.partition("x")
    if not (cross and height.isdigit() and width.isdigit()):
        raise SettingsError(f"--size {options.size} is no size", f"Give {SIZES}, for example 256x128.")
    per_batch = options.unlabelled_per_batch
    if options.unlabelled and not options.teacher:
        raise SettingsError("--unlabelled crops need a teacher", "Name one with --teacher.")
    if options.copies < 0 or (options.copies and not (options.teacher and per_batch != 0)):
        raise SettingsError(
            "--copies need a teacher", "Name one with --teacher, and give --unlabelled-per-batch above 0."
        )
    if per_batch is not None and not (options.unlabelled or options.copies):
        raise SettingsError(
            "--unlabelled-per-batch needs --unlabelled or --copies", "Add one of them, or leave it out."
        )
    if options.settled and not options.start:
        raise SettingsError(
            "--freeze-bn keeps statistics that random weights do not have", "Name weights with --start."
        )
    if not options.teacher and (options.alike or options.towards):
        raise SettingsError("--similarity-weight and --regression-weight need a teacher", "Name one with --teacher.")
    unlabelled = {"unlabelled": (32 if per_batch is None else per_batch) if options.unlabelled or options.copies else 0}
    # With a teacher, both distillation losses have a weight unless the flags give another.
    distillation = {"alike": 20.0, "towards": 4.0} if options.teacher else {}
    distillation = {name: value for name, value in distillation.items() if getattr(options, name) is None}
    plain = {"augment": NO_AUGMENTATION} if options.no_augment else {}
    return {"height": int(height), "width": int(width), **unlabelled, **distillation, **plain}


def _recipe_flags(options: argparse.Namespace, recipe: Any) -> dict[str, Any]:
    """The values of the flags that were given and that the recipe has under the same name."""
    names = {f.name for f in fields(recipe)} - {"unlabelled", "augment", "height", "width"}
    return {name: value for name, value in vars(options).items() if name in names and value is not None}


def _accuracy_text(row: dict[str, float]) -> str:
    return f", rank-1 {100 * row['rank1']:.1f} %, mAP {100 * row['map']:.1f} %" if "rank1" in row else ""


def run_detector(options: argparse.Namespace) -> int:
    from core.lab.training import DetectorRecipe, train_detector

    recipe = DetectorRecipe(**_recipe_flags(options, DetectorRecipe))
    weights = train_detector(options.data, options.start, options.out, recipe, Progress(listener(options.progress)))
    sys.stdout.write(f"{weights}\n")
    return 0


def run_prepare(options: argparse.Namespace) -> int:
    from core.lab.training import PrepareSettings, prepare

    settings = PrepareSettings(purpose=options.purpose, consent=options.consent)
    prepare(options.tracked, options.out, settings, Progress(listener(options.progress)))
    return 0


def run_interpolate(options: argparse.Namespace) -> int:
    from core.lab.training import interpolate_weights

    interpolate_weights(options.first, options.second, options.share, options.out)
    sys.stdout.write(f"{options.out}\n")
    return 0


def run_recompute_bn(options: argparse.Namespace) -> int:
    from core.lab.training import read_unlabelled, recompute_batchnorm

    sets = [read_unlabelled(folder) for folder in options.crops]
    recompute_batchnorm(
        options.weights, sets, options.max_per_folder, options.out, options.seed, Progress(listener(options.progress))
    )
    sys.stdout.write(f"{options.out}\n")
    return 0


def run_synthetic(options: argparse.Namespace) -> int:
    from core.lab.training import draw_training_data, training_seeds

    seeds = training_seeds(options.seeds)
    settings = SampleSettings(options.cameras, options.people, options.seconds)
    crops = draw_training_data(options.out, seeds, settings, options.every, Progress(listener(options.progress)))
    sys.stdout.write(f"{crops} crops are in {options.out / 'crops'}, whole pictures in {options.out / 'images'}\n")
    return 0
