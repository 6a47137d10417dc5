import numpy as np
import pytest
from matplotlib.figure import Figure

from evofool import UserError, plots
from evofool.images import on_axis
from evofool.runs import stones_of


def axes_of():
    return Figure().subplots()


def test_convergence_has_a_curve_for_every_seed(cppn_run):
    axes = plots.convergence(cppn_run, axes=axes_of())
    assert [line.get_label() for line in axes.lines] == ["seed 0", "seed 1"]
    for run, line in zip(cppn_run.runs, axes.lines, strict=True):
        medians = [entry["median_confidence"] for entry in run.metrics]
        np.testing.assert_allclose(line.get_ydata(), on_axis(medians))


def test_curves_of_one_value_are_joined_by_their_median(cppn_run, direct_run):
    axes = plots.convergence([cppn_run, direct_run], by="encoding", axes=axes_of())
    assert [line.get_label() for line in axes.lines] == ["encoding cppn", "encoding direct"]
    rows = [[line["median_confidence"] for line in run.metrics] for run in cppn_run.runs]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), on_axis(np.median(rows, axis=0)))
    by_rate = plots.convergence(cppn_run, by="cppn.add_node_rate", axes=axes_of())
    assert [line.get_label() for line in by_rate.lines] == ["cppn.add_node_rate 0.5"]
    with pytest.raises(UserError, match=r"did you mean 'cppn\.add_node_rate'"):
        plots.convergence(cppn_run, by="cppn.add_node_rat")


def test_the_histogram_counts_every_elite(cppn_run, direct_run):
    axes = plots.confidences([cppn_run, direct_run.folder], bins=7, axes=axes_of())
    counts = [patch.get_xy()[:, 1] for patch in axes.patches]
    assert sorted(sum(heights[1:-1:2]) for heights in counts) == [3, 20]


def test_the_heat_map_has_a_row_for_every_run_and_a_column_for_every_class(cppn_run, direct_run):
    axes = plots.classes([cppn_run], axes=axes_of())
    np.testing.assert_allclose(axes.images[0].get_array(), on_axis(cppn_run.confidences))
    assert [tick.get_text() for tick in axes.get_yticklabels()][1].endswith(", seed 1")
    with pytest.raises(UserError, match="different classes"):
        plots.classes([cppn_run, direct_run])


def test_the_lineage_shows_every_class_that_was_entered(cppn_run):
    elite = cppn_run["7"]
    axes = plots.lineage(elite, axes=axes_of())
    entered = [stone.generation for stone in stones_of(elite)]
    assert list(axes.lines[0].get_xdata()) == entered


def test_without_axes_a_figure_is_made(cppn_run):
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    axes = plots.confidences(cppn_run)
    assert axes.figure.number in pyplot.get_fignums()
    pyplot.close("all")


def test_no_run_is_refused():
    with pytest.raises(UserError, match="no run to plot"):
        plots.convergence([])
