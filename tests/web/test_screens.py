"""The other screens without a page: the heat map's scale and viewport, regions, the player's boxes, uploads."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.base.text import Clocks
from core.http import NONE, TILE, UNIT
from tests.web.running import Node

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCALE = 'const { ColorScale } = await load("similarity/color_scale.js"); const scale = new ColorScale(low); '


def test_the_scale_goes_from_dark_to_bright(web: Node) -> None:
    body = SCALE + "return [scale.css(-10000), scale.css(10000), scale.ink(-10000), scale.ink(10000)];"
    assert web.run(body, low=0) == ["rgb(68 1 84)", "rgb(253 231 37)", "#fff", "#000"]


def test_the_table_has_the_colour_of_each_value(web: Node) -> None:
    body = SCALE + "const table = scale.table(); return [table.length, table[20000], table[0]];"
    assert web.run(body, low=0) == [2 * UNIT + 1, 0xFF25E7FD, 0xFF540144]


def test_unit_and_none_are_those_of_the_route(web: Node) -> None:
    body = 'const scale = await load("similarity/color_scale.js"); return [scale.UNIT, scale.NONE];'
    assert web.run(body) == [UNIT, NONE]
    assert web.run('return (await load("similarity/tiles.js")).TILE;') == TILE


def test_the_picture_to_draw_on_has_the_time_of_day_beside_its_clip_time(web: Node) -> None:
    body = """
    const { Scrubber } = await load("regions/scrubber.js");
    globalThis.Image = class {};
    const parts = new Map();
    const part = () => ({ value: 0, setAttribute(name, text) { this[name] = text; }, getAttribute: () => "" });
    const root = { querySelector: (name) => parts.get(name) ?? parts.set(name, part()).get(name) };
    const scrubber = new Scrubber(root, () => {}), range = root.querySelector(".scrub input[type=range]");
    const shown = (clocks) => {
      scrubber.update({ stills: "/stills/", camera: "gate", start: 0, end: 90, moment: 83.25, clocks });
      return [root.querySelector("output").textContent, range["aria-valuetext"], root.querySelector("img").alt];
    };
    return [shown(null), shown(clocks)];
    """
    clocks = Clocks.read({"gate": "2026-11-28T14:03:10"}, "UTC").for_browser()
    assert web.run(body, clocks=clocks) == [
        ["1:23.2", "1:23.2 of the clip", "gate at 1:23.2"],
        ["14:04:33.2 (1:23.2)", "14:04:33.2, 1:23.2 of the clip", "gate at 14:04:33.2"],
    ]


MATRIX = """
const { Matrix } = await load("similarity/matrix.js");
const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0)).buffer;
const { Tiles } = await load("similarity/tiles.js"), asked = [];
const matrix = new Matrix(content, kind), onLoad = () => {}, paint = onLoad;
const fetchTile = async (place) => { asked.push(place); return bytes; };
const tiles = new Tiles({ count: 3, fetchTile, paint, onLoad });
matrix.arrange("by_person", tiles);
const none = matrix.describe([0, 2]);
tiles.want([{ step: 1, row: 0, column: 0 }]);
await new Promise((resolve) => setTimeout(resolve));
"""


def matrix_args(kind: str) -> dict[str, Any]:
    """Three rows: 0 and 2 are one person, 1 another; 0 and 1 cannot be one person, 1 and 2 cannot be compared."""
    value = np.array([[UNIT, 2500, 8000], [2500, UNIT, NONE], [8000, NONE, UNIT]], "<i2")[[0, 2, 1]][:, [0, 2, 1]]
    forbidden = 255 * np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], np.uint8)[[0, 2, 1]][:, [0, 2, 1]]
    rows = {
        "person": [4, 9, 4],
        "camera": [0, 1, 1],
        "track": [5, 6, 7],
        "by_person": [0, 2, 1],
        "by_similarity": [1, 0, 2],
    }
    content = {"cameras": ["gate", "yard"], "people": {"person": [4, 9], "name": ["Ada", ""]}, "tracks": rows}
    content["most_rows"] = 8000
    encoded = base64.b64encode(value.tobytes() + forbidden.tobytes()).decode()
    return {"content": content, "kind": kind, "encoded": encoded}


def test_a_pair_in_a_sentence(web: Node) -> None:
    body = MATRIX + "return [[0, 2], [0, 1], [1, 2]].map((pair) => matrix.describe(pair));"
    assert web.run(body, **matrix_args("tracks")) == [
        "gate track 5 and yard track 7: 0.80, one person",
        "gate track 5 and yard track 6: 0.25, two people, known different",
        "yard track 6 and yard track 7: not comparable, two people",
    ]


def test_until_its_tile_is_there_a_pair_is_what_python_says_of_it(web: Node) -> None:
    body = MATRIX + (
        'matrix.arrange("by_person", new Tiles({ count: 3, fetchTile, paint, onLoad }));'
        "const before = matrix.describe([0, 1]);"
        "matrix.learn([0, 1], { similarity: 0.25, is_known_different: true });"
        "return [none, before, matrix.describe([0, 1])];"
    )
    assert web.run(body, **matrix_args("tracks")) == [
        "gate track 5 and yard track 7: …, one person",
        "gate track 5 and yard track 6: …, two people",
        "gate track 5 and yard track 6: 0.25, two people, known different",
    ]


def test_of_more_rows_than_the_limit_the_first_are_shown(web: Node) -> None:
    args = matrix_args("tracks")
    args["content"]["most_rows"] = 2
    body = MATRIX + "return [matrix.count, matrix.order, Array.from(matrix.places), matrix.blocks.length];"
    assert web.run(body, **args) == [2, [0, 2], [0, -1, 1], 1]


@pytest.mark.parametrize(("size", "step"), [(40, 1), (1, 1), (0.6, 1), (0.5, 2), (0.11, 8), (0.001, 32)])
def test_a_cell_of_a_tile_is_no_larger_than_a_pixel_needs(web: Node, size: float, step: int) -> None:
    assert web.call("similarity/tiles.js", "stepFor", size) == step


def test_tiles_over_what_is_visible(web: Node) -> None:
    visible = {"x": 500, "y": 1100, "width": 30, "height": 600}
    found = web.call("similarity/tiles.js", "tilesOver", visible, 1, 1500)
    assert [(place["row"], place["column"]) for place in found] == [(2, 0), (2, 1)]
    assert (
        len(web.call("similarity/tiles.js", "tilesOver", {"x": 0, "y": 0, "width": 5000, "height": 5000}, 8, 5000)) == 4
    )


def test_tiles_come_a_few_at_a_time_only_if_still_wanted_and_old_ones_go(web: Node) -> None:
    body = """
    const { Tiles } = await load("similarity/tiles.js"), asked = [];
    const fetchTile = ({ row }) => new Promise((resolve, reject) => asked.push({ row, resolve, reject }));
    const tiles = new Tiles({ count: 512 * 20, fetchTile, paint: () => {}, onLoad: () => {} });
    const rest = () => new Promise((resolve) => setTimeout(resolve)), place = (row) => ({ step: 1, row, column: 0 });
    const rows = () => asked.map(({ row }) => row), found = [];
    tiles.want([0, 1, 2, 3, 4, 5].map(place));
    found.push(rows());
    tiles.want([place(7), place(8)]);
    asked[0].resolve(new ArrayBuffer(3 * 512 * 512)); await rest();
    found.push(rows());
    asked[1].reject(new Error("The results have changed.")); await rest();
    tiles.want([place(8)]);
    return [...found, rows()];
    """
    # After a failure, which is shown, nothing is asked for again and again.
    assert web.run(body) == [[0, 1, 2, 3], [0, 1, 2, 3, 7], [0, 1, 2, 3, 7]]
    body = """
    const { Tiles } = await load("similarity/tiles.js"), freed = [];
    const fetchTile = async () => new ArrayBuffer(3 * 512 * 512);
    const paint = (tile) => { tile.free = () => freed.push(tile.row); };
    const tiles = new Tiles({ count: 512 * 60, fetchTile, paint, onLoad: () => {} });
    tiles.want(Array.from({ length: 60 }, (_, row) => ({ step: 1, row, column: 0 })));
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve));
    return [tiles.kept.size, freed];
    """
    assert web.run(body) == [48, list(range(12))]


def test_who_the_tracks_of_a_pair_are(web: Node) -> None:
    body = MATRIX + "return [[0, 2], [0, 1], [1, 1]].map((pair) => matrix.personsTitle(pair));"
    found = web.run(body, **matrix_args("tracks"))
    assert found == ["Both are Ada (P004).", "Ada (P004) and P009.", "This is P009."]


def test_the_axes_name_people_as_the_gallery_does(web: Node) -> None:
    body = MATRIX + "return [4, 9].map((person) => matrix.personTexts(person));"
    assert web.run(body, **matrix_args("tracks")) == [["Ada", "P004"], ["P009"]]
    body = """
    const axes = await load("similarity/axes.js");
    return texts.map((text) => axes.shorten(text, 5, (part) => part.length));
    """
    assert web.run(body, texts=["Ada", "Alice", "Alexander"]) == ["Ada", "Alice", "Alex…"]


def test_rows_in_another_order_are_the_same_rows(web: Node) -> None:
    body = (
        MATRIX
        + """
    const before = [matrix.blocks, matrix.pairAt([1, 2])]; matrix.arrange("by_similarity", tiles);
    return [before, matrix.blocks.length, matrix.pairAt([0, 2]), Array.from(matrix.places)];
    """
    )
    before, blocks, pair, places = web.run(body, **matrix_args("tracks"))
    assert before == [[{"person": 4, "from": 0, "end": 2}, {"person": 9, "from": 2, "end": 3}], [2, 1]]
    assert (blocks, pair, places) == (2, [1, 2], [1, 0, 2])


VIEWPORT = """
const { Viewport } = await load("similarity/viewport.js"); const view = new Viewport();
view.setRoom({ width, height: 500, gutter: { left: 66, top: 92 }, count }); view.fit();
"""


@QUICK
@given(
    count=st.integers(1, 3000), width=st.integers(120, 2000), factor=st.floats(0.2, 20),
    x=st.floats(0, 1), y=st.floats(0, 1),
)  # fmt: skip
def test_zoom_shows_no_more_than_there_is(web: Node, count: int, width: int, factor: float, x: float, y: float) -> None:
    body = (
        VIEWPORT
        + """
    view.zoom(factor, [66 + x * view.plot.width, 92 + y * view.plot.height]);
    return [view.size, view.fittingSize, view.visible];
    """
    )
    size, fitting, visible = web.run(body, count=count, width=width, factor=factor, x=x, y=y)
    assert fitting - 1e-9 <= size <= 96
    assert visible["x"] >= 0
    assert visible["y"] >= 0
    assert visible["x"] + visible["width"] <= count + 1e-6
    assert visible["y"] + visible["height"] <= count + 1e-6


def test_the_point_under_the_pointer_stays_there(web: Node) -> None:
    body = (
        VIEWPORT
        + "const before = view.cellAt([300, 300]); view.zoom(8, [300, 300]); return [before, view.cellAt([300, 300])];"
    )
    before, after = web.run(body, count=100, width=500)
    assert before == after


def test_a_cell_is_found_at_its_middle_once_revealed(web: Node) -> None:
    body = (
        VIEWPORT
        + """
    view.zoom(30);
    return [[0, 0], [99, 3], [50, 99]].map((cell) => { view.reveal(cell); return view.cellAt(view.middleOf(cell)); });
    """
    )
    assert web.run(body, count=100, width=500) == [[0, 0], [99, 3], [50, 99]]


def test_outside_the_matrix_is_no_cell(web: Node) -> None:
    body = VIEWPORT + "return [view.cellAt([10, 200]), view.cellAt([200, 10]), view.cellAt([499, 499])];"
    assert web.run(body, count=3, width=500) == [None, None, None]


@pytest.mark.parametrize(
    ("event", "cursor"),
    [
        ({"key": "ArrowDown"}, [6, 5]),
        ({"key": "ArrowLeft", "shiftKey": True}, [5, 0]),
        ({"key": "PageDown"}, [9, 5]),
        ({"key": "End"}, [5, 9]),
        ({"key": "Home", "ctrlKey": True}, [0, 0]),
        ({"key": "x"}, None),
    ],
)
def test_the_cursor_stays_in_the_matrix(web: Node, event: dict[str, Any], cursor: list[int] | None) -> None:
    assert web.call("similarity/viewport.js", "cursorAfter", event, [5, 5], 10) == cursor


def test_points_of_the_projection(web: Node) -> None:
    module = "similarity/projection.js"
    points = web.call(module, "placePoints", [[0, 0], [1, 1], [0.5, 0.5]], 252, 152)
    assert points == [[76, 126], [176, 26], [126, 76]]
    assert web.call(module, "nearestPoint", points, [80, 120], 24) == 0
    assert web.call(module, "nearestPoint", points, [0, 0], 24) == -1
    assert web.call(module, "nextPoint", points, 0, [1, 0]) == 2
    assert web.call(module, "nextPoint", points, 1, [1, 0]) == 1
    assert len(web.call(module, "markCorners", 2, [0, 0], 5)) == 3
    assert web.call(module, "markCorners", 0, [0, 0], 5) is None


SHAPES = "regions/shapes.js"
share = st.floats(0, 1, allow_nan=False)
points = st.lists(st.tuples(share, share), min_size=2, max_size=6)


@QUICK
@given(points=points, dx=st.floats(-2, 2), dy=st.floats(-2, 2))
def test_a_shape_is_moved_no_further_than_the_edge(
    web: Node, points: list[tuple[float, float]], dx: float, dy: float
) -> None:
    found = web.call(SHAPES, "moveBy", points, dx, dy)
    shift = [found[0][axis] - points[0][axis] for axis in (0, 1)]
    for before, after in zip(points, found, strict=True):
        for axis in (0, 1):
            assert 0 <= after[axis] <= 1
            assert after[axis] - before[axis] == pytest.approx(shift[axis], abs=1e-9)


@QUICK
@given(a=st.tuples(share, share), b=st.tuples(share, share))
def test_a_box_has_its_corners_in_order(web: Node, a: tuple[float, float], b: tuple[float, float]) -> None:
    (left, top), (right, bottom) = web.call(SHAPES, "boxOf", a, b)
    assert (left, right) == (min(a[0], b[0]), max(a[0], b[0]))
    assert (top, bottom) == (min(a[1], b[1]), max(a[1], b[1]))


def test_a_box_is_turned_round_by_its_corner(web: Node) -> None:
    body = """
    const { setCorner } = await load("regions/shapes.js");
    const shape = { kind: "box", points: [[0.2, 0.2], [0.6, 0.6]] };
    return [setCorner(shape, 2, [0.1, 0.1]), shape.points];
    """
    assert web.run(body) == [0, [[0.1, 0.1], [0.2, 0.2]]]


@pytest.mark.parametrize(
    ("kind", "points", "error"),
    [
        ("box", [[0, 0], [0.5, 0.5]], ""),
        ("box", [[0, 0], [0.02, 0.5]], "Too small. A box must be at least 3 pixels wide and high."),
        ("polygon", [[0, 0], [0.5, 0], [0.5, 0.5]], ""),
        ("polygon", [[0, 0], [0.5, 0.5], [0, 0]], "A polygon needs at least three different corners."),
        ("polygon", [[0, 0], [0.5, 0.5], [0.9, 0.9]], "Too thin. The corners lie on a line."),
    ],
)
def test_shapes_that_cannot_be(web: Node, kind: str, points: list[list[float]], error: str) -> None:
    assert web.call(SHAPES, "shapeError", {"kind": kind, "points": points}, 100, 100) == error


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10, 20\n30;40\n\n50 60", {"points": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]}),
        ("1, 2\nx, 3", {"error": "Line 2: enter x, y."}),
        ("1, 2, 3", {"error": "Line 1: enter x, y."}),
        ("101, 2", {"error": "Line 1: x must be 0 to 100, y 0 to 100."}),
    ],
)
def test_typed_corners(web: Node, text: str, found: dict[str, Any]) -> None:
    assert web.call(SHAPES, "parseCorners", text, 100, 100) == found


FIELD = """
const { setField, fieldText } = await load("regions/typed_values.js"), size = { width: 200, height: 100 };
const shape = { kind, mode: "include", name: "", points };
const error = setField(shape, field, text, size); return [error, shape.points, fieldText(shape, field, size)];
"""


@pytest.mark.parametrize(
    ("field", "text", "error"),
    [
        ("left", "20", ""),
        ("left", "20,5", ""),
        ("left", "500", "Left: enter a number from 0 to 200."),
        ("top", "101", "Top: enter a number from 0 to 100."),
        ("right", "", "Right: enter a number from 0 to 200."),
        ("left", "150", "Left must be less than right."),
        ("bottom", "10", "Top must be less than bottom."),
    ],
)
def test_typed_sides(web: Node, field: str, text: str, error: str) -> None:
    found = web.run(FIELD, kind="box", points=[[0.25, 0.2], [0.5, 0.8]], field=field, text=text)
    assert found[0] == error
    if not error:
        assert found[1][0][0] == pytest.approx(float(text.replace(",", ".")) / 200)


def test_a_corner_that_is_not_changed_stays_the_very_number(web: Node) -> None:
    third = 1 / 3
    points = [[third, third], [0.9, 0.1], [0.9, 0.9]]
    error, found, text = web.run(
        FIELD, kind="polygon", points=points, field="corners", text="66.7, 33.3\n10,10\n180, 90"
    )
    assert error == ""
    assert found == [[third, third], [0.05, 0.1], [0.9, 0.9]]
    assert text == "66.7, 33.3\n10, 10\n180, 90"


HISTORY = """
const { ShapeHistory } = await load("regions/shape_history.js");
const box = (x) => [{ kind: "box", mode: "include", name: "", points: [[x, 0], [1, 1]] }];
"""


def test_shapes_are_undone_and_redone(web: Node) -> None:
    body = (
        HISTORY
        + """
    const history = new ShapeHistory(1, box(0)), before = history.snapshot;
    history.shapes = box(0.5); history.commit(before);
    const seen = [history.undo(), history.shapes[0].points[0][0], history.undo(), history.redo()];
    return [...seen, history.shapes[0].points[0][0], history.redo()];
    """
    )
    assert web.run(body) == [True, 0, False, True, 0.5, False]


def test_a_change_in_another_tab_can_be_undone_here(web: Node) -> None:
    body = (
        HISTORY
        + """
    const first = ShapeHistory.receive(undefined, { revision: 1, shapes: box(0), earlier: null });
    const same = ShapeHistory.receive(first, { revision: 1, shapes: box(0.9), earlier: null });
    const next = ShapeHistory.receive(first, { revision: 2, shapes: box(0.5), earlier: null });
    return [first === same, first.undoable.length, next.undoable.length, next.undo(), next.shapes[0].points[0][0]];
    """
    )
    assert web.run(body) == [True, 0, 1, True, 0]


def test_only_new_shapes_are_checked(web: Node) -> None:
    body = (
        HISTORY
        + """
    const history = new ShapeHistory(1, box(0)), before = history.snapshot;
    history.shapes.push(...box(0.5)); return history.newSince(before).map((shape) => shape.points[0][0]);
    """
    )
    assert web.run(body) == [0.5]


BOXES = "player/boxes.js"
MOMENTS = [{"at": 0.0, "box": [0, 0, 10, 10], "seen": True}, {"at": 0.2, "box": [10, 0, 20, 10], "seen": False},
           {"at": 2.0, "box": [50, 0, 60, 10], "seen": True}]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "found"), [(0.9, []), (1.0, ["b", "a"]), (1.05, ["b", "a"]), (1.1, ["c"]), (1.25, []), (2.0, ["d"])]
)
def test_the_other_detections_of_a_frame_are_shown_until_the_next(web: Node, at: float, found: list[str]) -> None:
    columns = {"seconds": [1.0, 1.0, 1.1, 2.0], "box": ["a", "b", "c", "d"]}
    assert web.call(BOXES, "boxesAt", columns, at, 0.1) == found


@pytest.mark.parametrize(
    ("at", "left"), [(-0.1, None), (0.0, 0), (0.1, 5), (0.2, 10), (0.3, 10), (0.5, None), (2.0, 50), (2.3, None)]
)
def test_a_box_glides_between_neighbours_and_stays_for_a_step(web: Node, at: float, left: float | None) -> None:
    found = web.call(BOXES, "boxAt", MOMENTS, at, 0.2)
    assert (found and found["box"][0]) == (left if left is None else pytest.approx(left))


def test_the_latest_cut_names_the_track(web: Node) -> None:
    columns = {"seconds": [0, 1, 2, 3], "track": [1, 1, 1, 2], "box": [[0]] * 4, "seen": [True] * 4}
    body = """
    const { momentsByTrack } = await load("player/boxes.js");
    return [...momentsByTrack(columns, cuts)].map(([track, moments]) => [track, moments.map(({ at }) => at)]);
    """
    assert web.run(body, columns=columns, cuts=[[1, 2, 8], [1, 0.9996, 7]]) == [[1, [0]], [7, [1]], [8, [2]], [2, [3]]]
    assert web.run(body, columns=columns, cuts=[]) == [[1, [0, 1, 2]], [2, [3]]]


@pytest.mark.parametrize(
    ("at", "step", "frame"), [(0.0, 1, 0.5), (0.5, -1, 0), (0.7, -1, 0.5), (0.7, 1, 1), (1.0, 1, None)]
)
def test_steps_between_frames(web: Node, at: float, step: int, frame: float | None) -> None:
    assert web.call(BOXES, "frameAfter", [0, 0, 0.5, 1], at, step) == frame


def test_where_a_track_can_be_cut(web: Node) -> None:
    found = [web.call(BOXES, "canCut", MOMENTS, at) for at in (0.0, 0.1, 2.0, 2.1)]
    assert found == [False, True, True, False]
    assert web.call(BOXES, "canCut", None, 1) is False


def test_the_picture_lies_in_the_middle(web: Node) -> None:
    frame = web.call(BOXES, "pictureFrame", 400, 400, {"width": 200, "height": 100})
    assert frame == {"scale": 2, "left": 0, "top": 100}


def test_the_line_of_usage_stays_in_its_picture(web: Node) -> None:
    points = web.call("run/usage_line.js", "linePoints", [0, 5, 10], [0, 0.5, 3])
    assert points == ["0.0,52.0", "150.0,28.0", "300.0,4.0"]
    assert web.call("run/usage_line.js", "areaPoints", points) == ["0,56", *points, "300,56"]


TRANSFER = "footage/transfer.js"


@pytest.mark.parametrize(
    ("name", "size", "start"),
    [
        ("a.MP4", 10, ""),
        ("a.txt", 10, "This is not a video file."),
        ("noending", 10, "This is not a video file."),
        ("a.mp4", 0, "The file is empty"),
        ("a.mp4", 3_000_000, "The file needs 3.0 MB, but only 1.0 MB"),
    ],
)
def test_files_that_are_not_sent(web: Node, name: str, size: int, start: str) -> None:
    reason = web.call(TRANSFER, "refusal", {"name": name, "size": size}, [".mp4"], 1_000_000)
    assert reason.startswith(start)
    assert bool(reason) == bool(start)


def test_waiting_files_take_room_already(web: Node) -> None:
    items = [{"state": "waiting", "file": {"size": 30}}, {"state": "done", "file": {"size": 50}}]
    assert web.call(TRANSFER, "freeBytes", items, 100) == 70
    assert web.call(TRANSFER, "isBusy", items) is True
    assert web.call(TRANSFER, "isBusy", items[1:]) is False


@pytest.mark.parametrize(
    ("states", "listed", "summary"),
    [
        ("sending", [0], ""),
        ("done", [], "1 clip added"),
        ("done " * 12, [], "12 clips added"),
        # What was refused stays in view, and is no clip that is still to come.
        ("done refused done", [1], "2 clips added"),
        ("done refused sending waiting", [1, 2, 3], "1 of 3 clips added"),
        ("done done sending" + " waiting" * 5, [2, 3, 4, 5], "2 of 8 clips added · 2 more waiting"),
    ],
)
def test_of_many_uploads_only_those_that_matter_now_have_a_row(
    web: Node, states: str, listed: list[int], summary: str
) -> None:
    items = [{"id": number, "state": state} for number, state in enumerate(states.split())]
    assert [item["id"] for item in web.call(TRANSFER, "listedItems", items)] == listed
    assert web.call(TRANSFER, "summaryText", items) == summary


def test_progress_is_smooth(web: Node) -> None:
    item = {"file": {"size": 10_000_000}, "sent": 0, "rate": 0, "at": 0}
    assert web.call(TRANSFER, "progressAfter", item, 100, 100) is None
    first = web.call(TRANSFER, "progressAfter", item, 1_000_000, 1000)
    assert first["rate"] == 1_000_000
    assert first["message"] == "1.0 MB of 10.0 MB · 1.0 MB/s · 9 s left"
    second = web.call(TRANSFER, "progressAfter", {**item, **first}, 1_000_000, 2000)
    assert math.isclose(second["rate"], 700_000)


@pytest.mark.parametrize(
    ("text", "status", "state", "retry"),
    [
        ('{"camera": "gate"}', 200, "done", None),
        ('{"message": "Too long.", "remedy": "Cut it.", "again": false}', 400, "refused", False),
        ("<html>", 403, "refused", False),
        ("", 500, "refused", True),
    ],
)
def test_answers_to_uploads(web: Node, text: str, status: int, state: str, retry: bool | None) -> None:
    found = web.call(TRANSFER, "stateAfter", text, status)
    assert (found["state"], found.get("canRetry")) == (state, retry)
