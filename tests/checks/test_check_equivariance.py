from agreement import all_agree, disagreeing

from cnn_study.checks import equivariance
from cnn_study.checks.equivariance import SUBJECTS, translation_equivariance

SMALL = {"reach": 2, "seeds": (0,)}


def test_maps_of_shared_weights_follow_the_image():
    outcomes, table = translation_equivariance(**SMALL)
    assert all_agree(outcomes)
    assert outcomes["cases"] == len(SUBJECTS) * 25
    follows = {kind: [row["shift"] for row in table if row["kind"] == kind and row["follows"]] for kind in kinds(table)}
    assert follows["convolution"] == [-2, -1, 0, 1, 2]
    assert follows["convolution, stride 2"] == follows["max pooling 2/2"] == [-2, 0, 2]
    assert follows["locally connected"] == [0]
    assert outcomes["largest_error_followed"] < 1e-12 < 1e-3 < outcomes["smallest_error_not_followed"]


def test_weights_that_are_not_shared_are_found(build_wrongly):
    build_wrongly(equivariance, lambda layer: layer.padding == "valid", shared=False)
    outcomes, table = translation_equivariance(**SMALL, subjects=SUBJECTS[:1])
    assert outcomes["agreeing"] == 1
    assert [row["shift"] for row in disagreeing(table)] == [-2, -1, 1, 2]


def test_weights_that_are_shared_are_found(build_wrongly):
    (local,) = (subject for subject in SUBJECTS if not subject.shared)
    build_wrongly(equivariance, lambda layer: not layer.shared, shared=True)
    outcomes, _ = translation_equivariance(**SMALL, subjects=(local,))
    assert outcomes["agreeing"] == 1  # Not to be shifted at all.


def kinds(table):
    return dict.fromkeys(row["kind"] for row in table)
