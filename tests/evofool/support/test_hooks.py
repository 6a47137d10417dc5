import pytest

from evofool.support import Registry, UserError


def test_names_are_those_built_in_and_those_added():
    registry = Registry("colour", "red", "green")
    registry.add("blue", 3)
    assert list(registry) == ["red", "green", "blue"]
    assert (registry.get("blue"), registry.get("red")) == (3, None)
    registry.add("blue", 4)
    assert registry.get("blue") == 4


@pytest.mark.parametrize("name", ["red", "", "a b", "<lambda>", "../x", "1st"])
def test_a_name_that_is_taken_or_none_is_refused(name):
    with pytest.raises(UserError, match="colour"):
        Registry("colour", "red").add(name, 1)


def test_an_unknown_name_says_where_names_come_from():
    with pytest.raises(UserError, match=r"did you mean 'green'.*EVOFOOL_PLUGINS"):
        Registry("colour", "red", "green").get("gren")
