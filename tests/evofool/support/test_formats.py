import pytest

from evofool.support import as_percentage, duration, gigabytes, percent, rounded_percent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000 %"),
        (4e-7, "< 0.0001 %"),
        (6e-7, "0.0001 %"),
        (0.5, "50.0000 %"),
        (0.9999871, "99.9987 %"),
        (0.9999994, "99.9999 %"),
        (0.9999996, "> 99.9999 %"),
        (1.0, "> 99.9999 %"),
    ],
)
def test_percent_never_rounds_up_to_certainty(value: float, text: str):
    assert percent(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (0.0048480, "0.4848 %"),
        (0.01, "1 %"),
        (0.5, "50.0 %"),
        (0.9896, "98.96 %"),
        (0.9967, "99.67 %"),
        (0.99986, "99.9860 %"),
        (1 - 1e-9, "> 99.9999 %"),
        (1.0, "100 %"),
    ],
)
def test_a_percentage_has_the_decimals_that_it_needs(share: float, text: str):
    assert as_percentage(share) == text


@pytest.mark.parametrize(("bar", "below"), [(0.99, 0.98991), (0.9999, 0.999899)])
def test_a_percentage_is_not_rounded_up_to_what_counts_as_certain(bar: float, below: float):
    assert float(as_percentage(below).split()[0]) < 100 * bar


def test_shares_of_counts_have_fixed_decimals():
    assert rounded_percent(0.9967) == "99.7 %"
    assert rounded_percent(0.98765, digits=2) == "98.77 %"
    assert rounded_percent(1.0, digits=0) == "100 %"
    assert rounded_percent(0.0) == "0.0 %"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60.0, "1:00"), (3599.6, "1:00:00")]
)
def test_durations_are_for_people(seconds: float, text: str):
    assert duration(seconds) == text


def test_gigabytes_have_two_decimals():
    assert gigabytes(860_000_000) == "0.86 GB"
