"""The classifier behind the pad: images that wait together share a forward pass."""

from concurrent.futures import Future
from unittest import mock

import numpy as np
import pytest

pytest.importorskip("starlette", reason='needs pip install -e ".[web]"')

from evofool import UserError
from evofool.web import answering


def test_an_image_that_cannot_be_classified_fails_alone(monkeypatch: pytest.MonkeyPatch):
    def recognize(classifier, images, names):
        if images.max() == 255:
            raise UserError("the answer is no number")
        return mock.Mock(log_odds=np.zeros((len(images), 4)))

    monkeypatch.setattr(answering, "recognize", recognize)
    good, bad = Future(), Future()
    levels = np.zeros((8, 8, 1), np.uint8)
    answering.Answering(mock.Mock())._classify([(levels, good), (levels + 255, bad)])
    assert good.result(timeout=1).shape == (4,)
    with pytest.raises(UserError, match="no number"):
        bad.result(timeout=1)
