from evofool.support import compiling


def test_an_option_that_xla_lacks_costs_no_others():
    known = {"xla_backend_optimization_level": 1}
    assert compiling._supported(**known, xla_no_such_option=True) == known
    assert compiling._supported(xla_no_such_option=True) is None
