"""Cells are taken over one by one; what a person has worked on is kept unless asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from project_of_tests import PREDICTED, SHAPE, SIDECAR, cells

from napari_all.errors import ProjectError
from napari_all.project.change import apply_pixels
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.project.proposals import (
    Offer,
    compare,
    corrected_cells,
    offer_map,
    proposed_images,
    take_over,
    untouched,
)


def test_what_is_the_same_is_no_offer() -> None:
    assert compare(PREDICTED, cells((7, 2, 2), (8, 2, 12), (9, 12, 4)), PREDICTED) == ()
    assert compare(Pixels.empty(SHAPE), Pixels.empty(SHAPE)) == ()


def test_new_changed_and_gone_cells_are_told() -> None:
    proposed = cells((1, 2, 2), (5, 3, 13), (6, 16, 20))
    offers = compare(PREDICTED, proposed, PREDICTED)
    assert set(offers) == {
        Offer("changed", (2,), (5,), corrected=False),
        Offer("gone", (3,), (), corrected=False),
        Offer("new", (), (6,), corrected=False),
    }
    after = PREDICTED.copy()
    apply_pixels(take_over(PREDICTED, proposed, offers), after)
    np.testing.assert_array_equal(after.labels > 0, proposed.labels > 0)
    assert set(np.unique(after.labels)) == {0, 1, 2, 4}
    assert (after.labels[3:9, 13:19] == 2).all()


def test_corrected_cells_are_kept_unless_asked_for() -> None:
    current = PREDICTED.copy()
    current.labels[2, 2], current.classes[2, 2] = 0, 0  # a pixel less of cell 1
    current.labels[2:8, 12:18], current.classes[2:8, 12:18] = 0, 0  # cell 2 taken away
    current.classes[12:14, 4:6] = 1  # the nucleus of cell 3 changed
    current.marks[16:22, 20:26] = 1
    assert corrected_cells(current, PREDICTED) == {1, 3}
    proposed = cells((1, 2, 2), (2, 2, 12), (3, 12, 4), (4, 16, 20))
    offers = compare(current, proposed, PREDICTED)
    assert [(o.kind, o.current, o.proposed) for o in untouched(offers)] == []
    assert {(o.kind, o.proposed) for o in offers} == {
        ("changed", (1,)), ("new", (2,)), ("changed", (3,)), ("new", (4,)),
    }  # fmt: skip
    after = current.copy()
    apply_pixels(take_over(current, proposed, [o for o in offers if o.proposed == (4,)]), after)
    assert not after.marks[after.labels > 0].any()
    np.testing.assert_array_equal(after.labels[:16], current.labels[:16])


def test_one_cell_for_two_and_two_for_one() -> None:
    two, one = cells((1, 2, 2), (2, 2, 8)), cells((1, 2, 2))
    one.labels[2:8, 2:14], one.classes[2:8, 2:14] = 5, 2
    (offer,) = compare(two, one, two)
    assert offer == Offer("changed", (1, 2), (5,), corrected=False)
    after = two.copy()
    apply_pixels(take_over(two, one, [offer]), after)
    assert (after.labels[2:8, 2:14] == 1).all()
    (offer,) = compare(one, two, one)
    after = one.copy()
    apply_pixels(take_over(one, two, [offer]), after)
    assert set(np.unique(after.labels)) == {0, 5, 6}


def test_neighbours_lose_nothing() -> None:
    current = cells((1, 2, 2), (2, 2, 8))
    proposed = cells((1, 2, 2))
    proposed.labels[2:8, 2:10], proposed.classes[2:8, 2:10] = 1, 2
    offers = [o for o in compare(current, proposed, current) if o.current == (1,)]
    after = current.copy()
    apply_pixels(take_over(current, proposed, offers), after)
    assert (after.labels[2:8, 8:14] == 2).all()


def test_another_image_is_refused() -> None:
    with pytest.raises(ProjectError, match="segment this image"):
        compare(PREDICTED, Pixels.empty((5, 5)))


def test_offers_lie_where_a_person_clicks_them() -> None:
    proposed = cells((1, 2, 2), (5, 3, 13), (6, 16, 20))
    offers = compare(PREDICTED, proposed, PREDICTED)
    places = offer_map(PREDICTED, proposed, offers)
    kind_at = {point: offers[places[point] - 1].kind for point in ((4, 14), (14, 6), (18, 22))}
    assert kind_at == {(4, 14): "changed", (14, 6): "gone", (18, 22): "new"}
    assert places[2, 2] == places[2, 12] == places[0, 0] == 0, "what stays, or only goes to be changed, is not shown"


def test_many_offers_are_taken_as_few_are() -> None:
    boxes = [(8 * y + 1, 8 * x + 1) for y in range(3) for x in range(4)]
    current = cells(*((n, y, x) for n, (y, x) in enumerate(boxes, 1)))
    proposed = cells(*((50 - n, y + (n > 4), x) for n, (y, x) in enumerate(boxes, 1)))
    offers = compare(current, proposed, current)
    assert len(offers) == 8
    at_once, one_by_one = current.copy(), current.copy()
    apply_pixels(take_over(current, proposed, offers), at_once)
    for offer in offers:
        apply_pixels(take_over(one_by_one, proposed, [offer]), one_by_one)
    assert at_once.same(one_by_one)
    np.testing.assert_array_equal(at_once.labels > 0, proposed.labels > 0)
    assert not take_over(current, proposed, [])


def test_proposals_are_found_in_the_folder(folder: Path) -> None:
    with Project(folder) as project:
        assert proposed_images(project.layout, project.images) == set()
        project.set_status("sub/c.png", "accepted")
        take_prediction(project, "sub/c.png", PREDICTED, SIDECAR)
        assert proposed_images(project.layout, project.images) == {"sub/c.png"}
