import numpy as np
import pytest

from evofool import UserError, load_classifier
from evofool.evaluation import read_labelled
from evofool.evaluation.labelled import DATASETS


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        ("mock:5", r"mnist has class 9; expected 0\.\.4, the classes of mock:5"),
        ("mock:10:32x32x3", r"images of mnist have shape \(28, 28, 1\); mock:10:32x32x3 takes"),
    ],
)
def test_a_data_set_of_other_images_or_classes_is_refused(
    monkeypatch: pytest.MonkeyPatch, classifier: str, message: str
):
    digits = np.zeros((10, 28, 28, 1), np.uint8), np.arange(10)
    monkeypatch.setitem(DATASETS, "mnist", lambda data_dir: digits)
    assert len(read_labelled(load_classifier("mock:10").card, dataset="mnist").levels) == 10
    with pytest.raises(UserError, match=message):
        read_labelled(load_classifier(classifier).card, dataset="mnist")
