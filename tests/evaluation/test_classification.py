"""Measures of predicted subtypes agree with scikit-learn and torchmetrics, and hold for any predictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_all.classes import SUBTYPES, ClassScheme
from napari_all.errors import UsageError
from napari_all.evaluation.classification import ClassificationReport, measure_classification
from napari_all.evaluation.classification_figures import (
    draw_confusion,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
)
from napari_all.evaluation.classification_page import as_markdown
from napari_all.evaluation.intervals import bootstrap_groups, wilson
from napari_all.evaluation.reliability import calibration_of

metrics = pytest.importorskip("sklearn.metrics")


def predictions(n: int = 400, seed: int = 0, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Make labels and probabilities that are often, but not always, right."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, n, p=(0.15, 0.3, 0.3, 0.25))
    logits = rng.normal(size=(n, 4)) + sharpness * np.eye(4)[labels]
    raised = np.exp(logits)
    return labels, raised / raised.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def report() -> ClassificationReport:
    labels, probabilities = predictions()
    return measure_classification(labels, probabilities, [f"group {i // 20}" for i in range(400)])


def test_shares_agree_with_scikit_learn(report: ClassificationReport) -> None:
    labels, probabilities = predictions()
    predicted = probabilities.argmax(axis=1)
    assert report.confusion == metrics.confusion_matrix(labels, predicted).tolist()
    assert report.accuracy.value == pytest.approx(metrics.accuracy_score(labels, predicted))
    for average, ours in (("macro", report.macro), ("weighted", report.weighted)):
        expected = metrics.precision_recall_fscore_support(labels, predicted, average=average)[:3]
        assert (ours.precision, ours.recall, ours.f1) == pytest.approx(expected)
    expected = np.transpose(metrics.precision_recall_fscore_support(labels, predicted))
    found = [(c.precision, c.recall, c.f1, c.images) for c in report.per_class]
    assert np.array(found) == pytest.approx(expected)


def test_areas_agree_with_scikit_learn(report: ClassificationReport) -> None:
    labels, probabilities = predictions()
    assert report.roc_area_macro == pytest.approx(metrics.roc_auc_score(labels, probabilities, multi_class="ovr"))
    expected = metrics.average_precision_score(np.eye(4)[labels], probabilities)
    assert report.average_precision_macro == pytest.approx(expected)
    curve = report.per_class[1].roc
    assert curve is not None
    assert len(curve.x) <= 200
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert metrics.auc(curve.x, curve.y) == pytest.approx(curve.area, abs=2e-3)


def test_benign_against_malignant(report: ClassificationReport) -> None:
    labels, probabilities = predictions()
    called = probabilities.argmax(axis=1) != 0
    found = report.benign_malignant
    assert found is not None
    assert found.sensitivity.value == pytest.approx(metrics.recall_score(labels != 0, called))
    assert found.specificity.value == pytest.approx(metrics.recall_score(labels == 0, ~called))
    assert found.accuracy.value == pytest.approx(((labels != 0) == called).mean())
    assert found.roc_area == pytest.approx(metrics.roc_auc_score(labels != 0, 1 - probabilities[:, 0]))


def test_calibration_error_agrees_with_torchmetrics(report: ClassificationReport) -> None:
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.classification")
    labels, probabilities = predictions()
    expected = functional.multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=4, n_bins=15, norm="l1"
    )
    assert report.calibration.expected_calibration_error == pytest.approx(float(expected), abs=1e-6)
    assert sum(b.images for b in report.calibration.bins) == 400


def test_known_calibration() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10)
    labels = np.array([0] * 9 + [1])
    assert calibration_of(probabilities, labels).expected_calibration_error == pytest.approx(0.0)
    assert calibration_of(probabilities, 1 - labels).expected_calibration_error == pytest.approx(0.8)
    assert calibration_of(np.eye(2), np.array([0, 1])).bins[-1].images == 2


def test_wilson_interval_of_the_papers_accuracy() -> None:
    assert wilson(638, 651) == pytest.approx((0.966, 0.988), abs=1e-3)
    assert wilson(0, 10)[0] == pytest.approx(0.0)


def test_whole_groups_give_wider_intervals_than_images() -> None:
    values = np.repeat([0.0, 1.0, 1.0, 1.0, 1.0, 1.0], 50).tolist()
    low, high = bootstrap_groups(values, np.repeat(list("abcdef"), 50).tolist())
    alone = bootstrap_groups(values, [str(i) for i in range(300)])
    assert high - low > 3 * (alone[1] - alone[0])
    assert bootstrap_groups([1.0, 1.0], ["a", "b"]) == (1.0, 1.0)


def test_groups_with_errors_stand_worst_first() -> None:
    labels, probabilities = np.array([0, 1, 1, 2]), np.eye(4)[[0, 0, 0, 0]]
    found = measure_classification(labels, probabilities, ["a", "b", "b", "c"])
    assert [(g.group, g.images, g.wrong) for g in found.group_errors] == [("b", 2, 2), ("c", 1, 1)]
    assert found.groups == 3


def test_classes_without_images_are_left_out_of_the_means() -> None:
    labels, probabilities = np.array([1, 1, 2, 2]), np.eye(4)[[1, 1, 2, 3]]
    found = measure_classification(labels, probabilities)
    assert [c.recall for c in found.per_class] == [None, 1.0, 0.5, None]
    assert [c.precision for c in found.per_class] == [None, 1.0, 1.0, 0.0]
    assert found.macro.recall == 0.75
    assert found.per_class[0].roc is None
    assert found.benign_malignant is not None
    assert found.benign_malignant.specificity.value is None
    assert found.benign_malignant.roc_area is None
    assert found.accuracy_groups_95 is None
    assert "–" in as_markdown(found)


@given(st.lists(st.tuples(st.integers(0, 3), st.lists(st.floats(0.001, 1.0), min_size=4, max_size=4)), min_size=1))
@settings(max_examples=25)
def test_measures_of_any_predictions_hold_together(rows: list[tuple[int, list[float]]]) -> None:
    labels = np.array([label for label, _ in rows])
    raw = np.array([values for _, values in rows])
    found = measure_classification(labels, raw / raw.sum(axis=1, keepdims=True), [str(label) for label in labels])
    assert np.sum(found.confusion) == len(rows)
    assert np.trace(found.confusion) == found.accuracy.hits
    assert found.accuracy.value is not None
    assert found.accuracy.wilson_95 is not None
    low, high = found.accuracy.wilson_95
    assert 0 <= low <= found.accuracy.value <= high <= 1
    assert found.weighted.recall == pytest.approx(found.accuracy.value)
    assert 0 <= found.calibration.expected_calibration_error <= 1
    assert sum(g.wrong for g in found.group_errors) == found.accuracy.images - found.accuracy.hits
    assert ClassificationReport.model_validate_json(found.model_dump_json()) == found


def test_the_order_of_the_images_decides_nothing() -> None:
    labels, probabilities = predictions(60)
    groups = np.array([str(i % 7) for i in range(60)])
    order = np.random.default_rng(1).permutation(60)
    one = measure_classification(labels, probabilities, groups.tolist())
    other = measure_classification(labels[order], probabilities[order], groups[order].tolist())
    assert other.confusion == one.confusion
    assert other.roc_area_macro == pytest.approx(one.roc_area_macro)
    assert other.accuracy_groups_95 == pytest.approx(one.accuracy_groups_95)


@pytest.mark.parametrize(
    ("labels", "probabilities", "groups", "words"),
    [
        ([], np.empty((0, 4)), None, "at least one image"),
        ([0], np.eye(3)[:1], None, r"needed are \(N,\) and \(N, 4\)"),
        ([4], np.eye(4)[:1], None, "valid are 0 to 3"),
        ([0], [[0.5, 0.1, 0.1, 0.1]], None, "after softmax"),
        ([0], [[2.0, -1.0, 0.0, 0.0]], None, "after softmax"),
        ([0], [[np.nan, 0.0, 0.0, 1.0]], None, "after softmax"),
        ([0], np.eye(4)[:1], ["a", "b"], "2 groups for 1 images"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    labels: list[int], probabilities: list[list[float]], groups: list[str] | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        measure_classification(np.array(labels, dtype=np.int64), np.array(probabilities), groups)


def test_another_scheme_has_no_roll_up() -> None:
    scheme = ClassScheme(("A", "B"), ("a", "b"), ("#000000", "#ffffff"))
    found = measure_classification(np.array([0, 1]), np.eye(2), scheme=scheme)
    assert found.benign_malignant is None
    assert found.classes == ["A", "B"]


def test_pictures_show_something_and_the_page_names_the_honest_interval(report: ClassificationReport) -> None:
    for picture in (draw_confusion(report), draw_roc(report), draw_precision_recall(report), draw_reliability(report)):
        assert isinstance(picture, Image.Image)
        colours = picture.getcolors(1 << 20)
        assert colours is not None
        assert len(colours) > 10
    page = as_markdown(report)
    assert "whole groups" in page
    assert all(name in page for name in SUBTYPES.names)
    assert "diagnosis" not in page
