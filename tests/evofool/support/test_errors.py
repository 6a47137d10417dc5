import pytest

from evofool.support.errors import UserError, unknown_name


def test_a_user_error_is_a_value_error():
    assert issubclass(UserError, ValueError)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("LeNot", "did you mean 'LeNet'? "),
        ("mnist-cppn-realesed", "did you mean 'mnist-cppn-released' or 'mnist-cppn'? "),
        ("zzz", ""),
    ],
)
def test_the_nearest_names_come_first_and_as_they_are_written(name, hint):
    options = ("mnist-cppn", "LeNet", "mnist-cppn-released")
    valid = "valid: mnist-cppn, LeNet, mnist-cppn-released"
    assert str(unknown_name("thing", name, options)) == f"unknown thing {name!r}; {hint}{valid}"


def test_of_many_options_only_the_first_are_listed():
    message = str(unknown_name("class", "999", map(str, range(100, 200))))
    assert message.endswith("118, 119, ... (100 in all)")
