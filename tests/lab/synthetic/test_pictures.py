"""Pictures and truth agree, and the same settings give the same pictures."""

import numpy as np
import pytest

from core.base.types import Image
from core.lab.synthetic import CameraRenderer, Reals, SampleSettings, render_frames, scene_of
from tests.lab.synthetic.footage import SHORT, overlap, shots, stage_of


class Noon(CameraRenderer):
    """A stage on which nobody casts a shadow: all that differs from the empty plaza is people."""

    def _draw_shadow(self, picture: Image, body: Reals) -> None: ...


@pytest.mark.slow
@pytest.mark.parametrize("camera", [0, *(pytest.param(camera, marks=pytest.mark.slow) for camera in (1, 2))])
def test_boxes_hug_what_differs_from_the_empty_plaza(camera: int) -> None:
    stage = Noon(scene_of(SHORT), scene_of(SHORT).views[camera])
    empty, _ = stage.render_without_noise(0, people=False)
    hugged = 0
    for frame in range(5, stage.view.frame_count(SHORT.seconds), 60):
        picture, rows = stage.render_without_noise(frame)
        differs = np.abs(picture.astype(int) - empty).max(2) > 12
        wide = rows.xyxy + np.array([-4, -4, 4, 4])
        alone = overlap(wide, wide).sum(1) == 1
        for (x1, y1, x2, y2), seen, apart in zip(rows.xyxy.astype(int), rows.visibility, alone, strict=True):
            left, top = max(0, x1 - 3), max(0, y1 - 3)
            body = differs[top : y2 + 3, left : x2 + 3]
            if apart and seen > 0.99:
                down, across = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
                ours = (left + across[0], top + down[0], left + across[-1] + 1, top + down[-1] + 1)
                assert np.abs(np.array(ours) - (x1, y1, x2, y2)).max() <= 3
                hugged += 1
            body[:] = False
        assert not differs.any()
    assert hugged >= 5


@pytest.mark.slow
def test_nobody_is_a_rectangle() -> None:
    for camera in range(3):
        stage = stage_of(SHORT, camera)
        for frame in range(0, stage.view.frame_count(SHORT.seconds), 50):
            for figure, walk in zip(stage._figures, scene_of(SHORT).walks, strict=True):
                patch = figure.draw(figure.body(walk.at(stage.view.offset + frame / stage.view.fps)), stage.view)
                if patch is None or patch.share_in_picture < 1:
                    continue
                body = patch.cover >= 0.5
                rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
                box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
                assert 0.25 < body.sum() / box < 0.8


@pytest.mark.slow
def test_people_hide_each_other_and_things_hide_people() -> None:
    seen = np.concatenate([shot.rows.visibility for camera in range(3) for shot in shots(SHORT, camera, 0.4)])
    assert ((seen >= 0) & (seen <= 1)).all()
    assert (seen < 0.5).sum() >= 3 and (seen > 0.99).mean() > 0.4


@pytest.mark.slow
def test_there_are_people_near_and_far() -> None:
    rows = [shot.rows for camera in range(3) for shot in shots(SHORT, camera, 0.4)]
    tall = np.concatenate([(r.xyxy[:, 3] - r.xyxy[:, 1])[r.visibility > 0.9] for r in rows])
    assert ((tall >= 150) & (tall <= 250)).sum() >= 5
    assert ((tall >= 70) & (tall <= 120)).sum() >= 20


@pytest.mark.slow
def test_frames_are_the_same_in_any_order() -> None:
    stage = stage_of(SHORT, 1)
    late, early = stage.render(40), stage.render(3)
    again = CameraRenderer(scene_of(SHORT), stage.view)
    for one, other in ((early, again.render(3)), (late, again.render(40))):
        assert np.array_equal(one.bgr, other.bgr)
        assert np.array_equal(one.rows.xyxy, other.rows.xyxy)
        assert np.array_equal(one.rows.visibility, other.rows.visibility)
    assert not np.array_equal(early.bgr, late.bgr)


@pytest.mark.slow
def test_frames_for_training_are_numbered_as_asked() -> None:
    found = []
    for shot in render_frames(SampleSettings(seconds=12, seed=11), 0, every=120):
        found.append(shot.frame)
        assert shot.bgr.shape == (540, 960, 3) and shot.bgr.dtype == np.uint8
        assert (shot.rows.frame == shot.frame).all()
        assert (shot.rows.xyxy[:, :2] >= 0).all() and (shot.rows.xyxy[:, 2:] <= (960, 540)).all()
    assert found == [0, 120, 240]
