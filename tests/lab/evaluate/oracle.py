"""The `trackeval` package asked for its figures, and the table of those in which ours differ."""

import contextlib
import io
from pathlib import Path
from types import ModuleType

import numpy as np

from core.lab.evaluate import Scores

INTEGERS = {
    "TP": "CLR_TP",
    "FP": "CLR_FP",
    "FN": "CLR_FN",
    "IDTP": "IDTP",
    "IDFP": "IDFP",
    "IDFN": "IDFN",
    "IDSW": "IDSW",
    "Frag": "Frag",
    "MT": "MT",
    "PT": "PT",
    "ML": "ML",
}
FLOATS = {"MOTA": "MOTA", "MOTP": "MOTP", "Recall": "CLR_Re", "Precision": "CLR_Pr"} | {
    name: name for name in ("IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA")
}


def write(path: Path, lines: list[tuple[float, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(
            f"{int(frame)},{int(who)},{left:.3f},{top:.3f},{abs(right - left):.3f},{abs(bottom - top):.3f},{conf}\n"
            for frame, who, left, top, right, bottom, conf in lines
        )
    )


def theirs(
    trackeval: ModuleType, benchmark: str, truth: Path, result: Path, lengths: dict[str, int]
) -> dict[str, dict]:
    """Figures by clip and together, as the package's own evaluation reads, filters, measures and combines them.

    `lengths` holds the frames of each clip; the folders have a file for each.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        data = trackeval.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": str(truth),
                "TRACKERS_FOLDER": str(result.parent),
                "TRACKERS_TO_EVAL": [result.name],
                "TRACKER_SUB_FOLDER": "",
                "BENCHMARK": benchmark,
                "SEQ_INFO": lengths,
                "GT_LOC_FORMAT": "{gt_folder}/{seq}.txt",
                "SKIP_SPLIT_FOL": True,
                "PRINT_CONFIG": False,
            }
        )
        quiet = {"PRINT_CONFIG": False}
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
        clips = {
            name: data.get_preprocessed_seq_data(data.get_raw_seq_data(result.name, name), "pedestrian")
            for name in lengths
        }
        figures: dict[str, dict] = {name: {} for name in [*lengths, "together"]}
        for metric in metrics:
            parts = {name: metric.eval_sequence(clip) for name, clip in clips.items()}
            for name, part in {**parts, "together": metric.combine_sequences(parts)}.items():
                figures[name] |= part
    return figures


def differences(name: str, ours: Scores, oracle: dict) -> list[str]:
    figures = ours.as_dict()
    wrong = []
    for field, known_as in INTEGERS.items():
        if figures[field] != int(oracle[known_as]):
            wrong.append((field, figures[field], int(oracle[known_as])))
    for field, known_as in FLOATS.items():
        expected = float(np.mean(oracle[known_as]))
        if abs(figures[field] - expected) > 1e-6:
            wrong.append((field, figures[field], expected))
    return [f"{name:12} {field:10} ours {mine:<22} trackeval {other}" for field, mine, other in wrong]
