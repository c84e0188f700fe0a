"""Epochs and calibration of several runs on one axis, from runs that were made by hand."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import Epoch
from covidreport.report.index import index_runs
from covidreport.report.sections.curves import draw_epochs, draw_reliability, list_smooth
from tests.report.blocks import build, list_charts, list_drawings


def _with_history(study, *epochs):
    first, *others = (replace(one, run=replace(one.run, history=())) for one in study.runs)
    history = tuple(Epoch(number, values) for number, values in epochs)
    return replace(study, runs=(replace(first, run=replace(first.run, history=history)), *others))


def test_epochs_without_a_figure_leave_a_gap_and_the_last_that_has_one_is_marked(study):
    """Of two epochs the second has no loss on the validation split."""
    data = _with_history(
        study,
        (1, {"train_loss": 0.5, "val_loss": 0.6}),
        (2, {"train_loss": 0.4, "val_loss": float("nan")}),
    )
    lines = draw_epochs("loss", index_runs(data), ())

    (training, validation) = lines.lines
    assert (training.split, training.places) == ("training", ((1, 0.5), (2, 0.4)))
    assert (validation.split, validation.places) == ("validation", ((1, 0.6), (2, None)))
    assert [dot.places for dot in lines.dots] == [((2, 0.4),), ((1, 0.6),)]
    assert (lines.x.low, lines.x.high) == (1, 2)
    assert lines.y.low <= 0.4 < 0.6 <= lines.y.high


def test_a_loss_that_went_astray_does_not_press_the_others_flat(study):
    """The axis holds the runs that are shown first, to their ends; what lies beyond is a gap."""
    first, second, *others = study.runs
    calm = tuple(Epoch(at, {"train_loss": 0.5 + at / 10}) for at in (1, 2, 3))
    astray = tuple(Epoch(at, {"train_loss": 0.6 if at == 1 else 40.0}) for at in (1, 2, 3))
    runs = (
        replace(first, run=replace(first.run, history=calm)),
        replace(second, run=replace(second.run, history=astray)),
        *(replace(one, run=replace(one.run, history=())) for one in others),
    )
    index = index_runs(replace(study, runs=runs))
    keys = {one.run.name: index.key(one.run.name) for one in runs}
    lines = draw_epochs("loss", index, (keys[first.run.name],))
    places = {one.run: [value for _, value in one.places] for one in lines.lines}

    assert lines.y.high < 2
    assert places[keys[first.run.name]] == [0.6, 0.7, 0.8]
    assert places[keys[second.run.name]] == [0.6, None, None]


def test_one_epoch_stands_in_the_middle(study):
    """Its axis is as wide as an epoch."""
    lines = draw_epochs("loss", index_runs(_with_history(study, (3, {"train_loss": 0.5}))), ())

    assert (lines.x.low, lines.x.high) == (2.5, 3.5)


def test_bins_carry_their_interval_and_their_images(everything):
    """As the evaluation states them, for each run that has any; an empty bin is not drawn."""
    index = index_runs(everything)
    lines = draw_reliability(everything, everything.target, index, ())
    assert lines.beneath is not None
    assert lines.lines
    for span, column in zip(lines.spans, lines.beneath.bars, strict=True):
        evaluation = index.runs[int(span.run) - 1].evaluation
        bins = [
            one
            for one in evaluation.score_metrics.labels[everything.target].calibration.bins
            if one.count and one.observed.value is not None
        ]
        assert column.places == tuple(
            place
            for b in bins
            for place in ((b.predicted, 0), (b.predicted, b.count), (b.predicted, None))
        )
        assert [place[1] for place in span.places] == [
            end
            for one in bins
            for end in (
                one.observed.low, one.observed.high, None, one.observed.value, one.observed.value,
                None,
            )
        ]  # fmt: skip


def test_a_calibration_line_is_the_smooth_curve_and_without_one_goes_through_the_bins(everything):
    """The band lies around it."""
    index = index_runs(everything)
    target = everything.target
    name = next(
        each.run.name for each in index.runs if list_smooth(everything, each.run.name, target)
    )
    key = index.key(name)
    smooth = list_smooth(everything, name, target)
    drawn = draw_reliability(everything, target, index, (key,))
    (line,) = (one for one in drawn.lines if one.run == key)
    (band,) = (one for one in drawn.bands if one.run == key)
    assert line.places == tuple((one.predicted, one.observed) for one in smooth)
    drawn_at = [
        (low, one.observed, high) for one, (_, low, high) in zip(smooth, band.places, strict=True)
    ]
    assert drawn_at == [tuple(sorted(three)) for three in drawn_at]
    without = draw_reliability(replace(everything, curves=None), target, index, (key,))
    (line,) = (one for one in without.lines if one.run == key)
    (cross,) = (one for one in without.spans if one.run == key)
    assert without.bands == ()
    middles = [at for at, _ in cross.places[0::6]]
    observed = [value for _, value in cross.places[3::6]]
    assert list(line.places) == list(zip(middles, observed, strict=True))


def test_calibration_has_a_drawing_for_every_label(everything):
    """Epochs have one."""
    charts = {chart.name: chart for chart in list_charts(build(everything, "curves"))}

    assert len(list_drawings(charts["loss"])) == 1
    labels = [one.label for one in list_drawings(charts["reliability"])]
    assert labels[0] == everything.target
    assert len(set(labels)) == len(labels) == 3
