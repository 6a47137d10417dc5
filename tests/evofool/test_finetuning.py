import pytest

from evofool.classifiers import lenet_card, load_classifier
from evofool.errors import UserError
from evofool.finetuning import with_class


def test_a_class_joins_at_the_end_and_what_was_said_of_the_weights_goes():
    card = load_classifier("lenet").card
    more = with_class(card, "none of these")
    assert (more.outputs, more.labels) == (11, (*card.labels, "none of these"))
    assert (more.sha256, more.test_accuracy, more.probe, more.notes) == ("", None, (), "")
    assert (more.input_shape, more.scale) == (card.input_shape, card.scale)


def test_a_label_that_is_there_is_refused():
    with pytest.raises(UserError, match="label is '7', which lenet has already"):
        with_class(lenet_card(), "7")
