"""The report in one sentence, and what it does not say."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.audit import find_synthetic
from covidreport.records import Counts, Epoch, Finding, RankedRun, ReportData
from covidreport.report.blocks import Items, Prose
from covidreport.report.cells import write_line
from covidreport.report.view import view_report
from tests.report.blocks import build, list_blocks, list_charts, list_sentences, read_fact, say
from tests.report.study import BEST, SECOND, estimates, evaluate, rate


def _sentence(data: ReportData) -> str:
    (sentence,) = say(build(data, "answer"), "sentence")
    return sentence


def _undisputed(data: ReportData) -> ReportData:
    return replace(data, findings=tuple(one for one in data.findings if one.severity != "error"))


def _with_rows(data: ReportData, *rows: RankedRun) -> ReportData:
    return replace(data, rankings=(replace(data.rankings[0], rows=rows),))


def test_the_sentence_names_the_run_and_the_price(study):
    """Missed, found and false alarms with their intervals, to the letter."""
    assert _sentence(_undisputed(study)) == (
        "exp15-vgg16-bce-frozen misses the fewest: 8 of 28 COVID-19 images (sensitivity 0.714; "
        "95 % CI 0.529 to 0.847), at the price of 195 false alarms among 600 images without "
        "COVID-19 (specificity 0.675; 95 % CI 0.636 to 0.711). Threshold 0.5 (published)."
    )


def test_runs_that_share_the_first_rank_are_both_named(study):
    """Nobody wins by the order of the alphabet."""
    tied = _with_rows(_undisputed(study), RankedRun(BEST, 1, 8, 195), RankedRun(SECOND, 1, 8, 195))

    assert _sentence(tied).startswith(f"{BEST} and {SECOND} miss the fewest, each 8 of 28 COVID-19")


def test_a_run_alone_beats_nobody(study):
    """`The fewest` of one is no praise."""
    alone = _with_rows(_undisputed(study), RankedRun(BEST, 1, 8, 195))

    assert _sentence(alone).startswith(
        f"{BEST} is the only run that can be ranked. It missed 8 of 28 COVID-19 images"
    )


def test_no_ranked_run_is_no_answer(study):
    """A run that says no to everything is not crowned for want of others."""
    none = _with_rows(study, RankedRun(BEST, None, 8, 195, "a reason"))

    assert _sentence(none) == (
        "The only run on study-2020, split validation, can't be ranked for COVID-19; "
        "the table says why."
    )
    assert list_charts(build(none, "answer")) == []


def test_no_evaluation_is_no_answer(study):
    """Nothing was evaluated: said, not guessed."""
    empty = replace(study, rankings=())

    assert _sentence(empty) == (
        "No run has figures for COVID-19 on study-2020, split validation: there is nothing to "
        "rank yet."
    )


def test_whether_it_is_luck_is_said_by_the_findings_alone(study):
    """The view compares nobody: with the finding its words stand by the answer, without it none."""
    answer = build(study, "answer")
    assert say(answer, "doubt") == [f"{BEST} is not significantly different from {SECOND}."]
    assert say(build(replace(study, findings=()), "answer"), "doubt") == []
    assert say(answer, "plain") == ["To be read with 1 error and 1 warning"]


def test_an_error_that_concerns_the_best_run_goes_before_a_weaker_answer(study):
    """One of other runs alone stands behind it, before the warnings; one of several says whether
    the best is among them."""
    of_all = Finding("error", "no-labels", "No ranking can be believed", "e", "r")
    of_others = Finding("error", "loss", "1 run lost its loss", "e", "r", (SECOND,))
    source = Finding("warning", "shortcut-attributes", "source is the target", "e", "r")
    two = replace(of_others, what="2 runs lost their loss", subjects=(SECOND, BEST))
    third = replace(study.runs[0], run=replace(study.runs[0].run, name="another"))

    def order(*findings: Finding) -> list[str]:
        found = build(replace(study, findings=findings, runs=(*study.runs, third)), "answer")
        return [
            " / ".join(write_line(words) for words in one.items)
            if isinstance(one, Items) else write_line(one.words)[:16]
            for one in list_blocks(found)
            if isinstance(one, Items) or (isinstance(one, Prose) and one.tone == "sentence")
        ]  # fmt: skip

    assert order(source, of_others, of_all) == [
        "No ranking can be believed", "By these counts,",
        "1 run lost its loss / source is the target",
    ]  # fmt: skip
    assert order(of_others) == ["exp15-vgg16-bce-", "1 run lost its loss"]
    assert order(two) == [f"2 runs, {BEST} among them, lost their loss", "By these counts,"]


def test_a_warning_about_all_images_stands_by_the_answer(study):
    """It names no run, and no run escapes it; another such warning stays in its section."""
    source = Finding("warning", "shortcut-attributes", "source is the target", "e", "r")
    other = Finding("warning", "too-few-positives", "few cases", "e", "r")

    answer = build(replace(study, findings=(other, source)), "answer")
    (grave,) = (one for one in list_blocks(answer) if isinstance(one, Items))

    assert grave.severities == ("warning",)
    assert [write_line(words) for words in grave.items] == ["source is the target"]


def test_the_answer_speaks_of_the_first_ranking_only(hostile):
    """Runs on other images are left out of the sentence, and the sentence says so."""
    assert _sentence(hostile).startswith("Among the 3 runs on the same images, ")


def test_images_that_could_not_be_scored_are_counted_as_missed(hostile):
    """9 of 60 were called negative and 2 could not be scored: 11 are missed."""
    (chart,) = list_charts(build(hostile, "answer"))

    assert "each 11 of 60 COVID-19 images" in _sentence(hostile)
    assert chart.summary == (
        "60 COVID-19 images, one dot each: 11 missed (2 of them not scored) and 49 found"
    )


def test_the_header_counts_images_with_the_disease_and_never_patients(study):
    """Where patients are known, `of them` would be of the patients."""
    grouped = replace(study.runs[1].evaluation, n_groups=400)
    runs = (study.runs[0], replace(study.runs[1], evaluation=grouped), *study.runs[2:])
    for data, words in (
        (study, "628 images, 28 of them with COVID-19"),
        (
            replace(study, runs=runs),
            "628 images of 400 patients; 28 of the images with COVID-19",
        ),
    ):
        facts = {fact.name: read_fact(fact) for fact in view_report(data).facts}
        assert facts["Images"] == words


def test_limits_say_what_is_known_of_patients(study):
    """Where several images come from one patient, intervals are too narrow, and it says so."""
    figures = estimates(rate(20, 28, 0.529, 0.847), rate(405, 600, 0.636, 0.711))
    grouped = evaluate(BEST, Counts(405, 195, 8, 20), figures, n_groups=400)
    runs = (study.runs[0], replace(study.runs[1], evaluation=grouped), *study.runs[2:])

    limits = list_sentences(build(replace(study, runs=runs), "limits"))

    assert any("628 images come from 400 patients" in limit for limit in limits)
    assert any("which images belong to one patient is not known" in limit
               for limit in list_sentences(build(study, "limits")))  # fmt: skip


def test_that_the_best_was_picked_here_is_said_once(study, compared):
    """By the answer with figures where these are known, else among the limits."""

    def limits(data):
        return "".join(list_sentences(build(data, "limits")))

    assert "The first of 2 ranked runs was picked on the same images" in limits(study)
    assert "picked" not in limits(compared)
    picked = [one for one in say(build(compared, "answer"), "elsewhere") if "was picked on" in one]
    assert len(picked) == 1


def test_limits_say_that_validation_images_were_looked_at(study):
    """By the history of each epoch or by run.json, of the data that the run was trained on."""
    runs = tuple(
        replace(one, run=replace(one.run, history=(), settings={"name": one.run.name}))
        for one in study.runs
    )

    def say(history=(), **data):
        first = replace(runs[0].run, history=history, settings={"data": data})
        changed = replace(study, runs=(replace(runs[0], run=first), *runs[1:]))
        found = list_sentences(build(changed, "limits"))
        return [one for one in found if "looked at while models were developed" in one]

    epochs = (Epoch(1, {"validation_loss": 0.4}),)
    assert say() == []
    assert say((Epoch(1, {"train_loss": 0.4}),)) == []
    assert say(validation_split="validation", name="elsewhere") == []
    for found in (say(epochs), say(validation_split="validation"), say(epochs, name=study.dataset)):
        assert len(found) == 1
        evaluated = sum(one.evaluation is not None for one in runs)
        assert f": 1 of {evaluated} runs were followed on them epoch by epoch." in found[0]


def test_pictures_of_no_patient_are_said_before_all_else(study):
    """In the answer's first words, whatever else was found."""
    found = find_synthetic({"source": ("drawn",)})
    data = replace(study, findings=(*study.findings, *found))
    section = build(data, "answer")
    assert list_sentences(section)[0] == f"{found[0].what}."
    assert say(section, "banner") == [f"{found[0].what}."]


def _elsewhere(study, split, settings=None, **changes):
    """What the answer says of the best run's evaluation on one other split."""
    other = evaluate(
        BEST,
        Counts(90, 10, 3, 7),
        estimates(rate(7, 10, 0.39678, 0.89221), rate(90, 100, 0.82563, 0.94477)),
        split=split,
        **changes,
    )
    runs = tuple(
        replace(
            one, others=(other,), run=replace(one.run, settings=one.run.settings | (settings or {}))
        )
        if one.run.name == BEST
        else one
        for one in study.runs
    )
    return tuple(say(build(replace(study, runs=runs), "answer"), "elsewhere"))


def test_a_split_that_chose_nothing_is_quoted_beside_the_winner(study):
    """The first place flatters; what the run does on other images stands next to it."""
    assert _elsewhere(study, "test") == (
        "On the test split, not used by this program to choose it, exp15-vgg16-bce-frozen misses "
        "3 of 10 (sensitivity 0.700; 95 % CI 0.397 to 0.892), with 10 false alarms among 100 "
        "images without COVID-19, at the same threshold.",
    )


def test_another_split_is_quoted_at_the_threshold_of_the_report_alone(study):
    """At another one it says nothing of the figures that stand there."""
    for target, quoted in ((0.5, 1), (0.093, 0)):
        thresholds = {"covid-19": target, "normal": 0.3, "pneumonia": 0.5}
        assert len(_elsewhere(study, "test", thresholds=thresholds)) == quoted


def _tuned(study, split, **changes):
    """The study with thresholds of the best run that were tuned on `split`."""
    tuning = {"dataset": "study-2020", "split": split, "fingerprint": "f" * 64,
              "targets": {"covid-19": {"metric": "sensitivity", "value": 0.9}}}  # fmt: skip
    facts = {"thresholds_from": f"tuned on {split}", "provenance": {"tuning": tuning}} | changes
    runs = tuple(
        replace(one, evaluation=replace(one.evaluation, **facts)) if one.run.name == BEST else one
        for one in study.runs
    )
    return replace(study, runs=runs)


def test_the_split_that_a_threshold_was_tuned_on_is_never_quoted(study):
    """By its name, or by its images under another name, and whatever threshold it stands at."""
    assert _elsewhere(_tuned(study, "test"), "test") == ()
    assert _elsewhere(_tuned(study, "tuning"), "test", fingerprint="f" * 64) == ()
    assert len(_elsewhere(_tuned(study, "tuning"), "test")) == 1
    old = _tuned(study, "test", provenance={})  # a file that does not say of which images
    assert _elsewhere(old, "test") == ()


def test_the_answer_names_threshold_and_origin(study):
    """And says of one that was chosen on these images that it was."""
    assert _sentence(_tuned(study, "tuning")).endswith(
        " Threshold 0.5 (tuned on tuning). The threshold was tuned on study-2020, tuning for a "
        "sensitivity of at least 0.9 (missed). Here the sensitivity is 0.714."
    )
    marked = _tuned(study, "validation", thresholds_from="tuned on validation (exploratory)")
    assert _sentence(marked).endswith(
        " Threshold 0.5 (exploratory: threshold chosen on these images)."
    )
    both = (RankedRun(BEST, 1, 8, 195), RankedRun(SECOND, 1, 8, 195))
    assert _sentence(_with_rows(_tuned(study, "tuning"), *both)).endswith(
        f" Thresholds: {BEST} 0.5 (tuned on tuning) and {SECOND} 0.5 (published)."
    )


def _on_test(study, **missed):
    """The two runs on a test split of 10 positives, where each misses so many."""
    others = {
        name: evaluate(
            name, Counts(90, 10, missed[key], 10 - missed[key]),
            estimates(rate(10 - missed[key], 10, 0.1, 0.9), rate(90, 100, 0.8, 0.95)),
            split="test",
        )
        for name, key in ((BEST, "best"), (SECOND, "second"))
    }  # fmt: skip
    return replace(
        study,
        runs=tuple(
            replace(one, others=(others[one.run.name],)) if one.run.name in others else one
            for one in study.runs
        ),
    )


def test_the_choice_made_on_one_split_is_quoted_in_the_report_of_the_other(study):
    """Both reports name both runs, each with its figures here and there."""
    first, second = say(build(_on_test(study, best=3, second=1), "answer"), "elsewhere")
    assert first.startswith(f"On the test split, not used by this program to choose it, {BEST} ")
    assert second == (
        f"The test split would choose {SECOND}, which misses 1 of 10 (sensitivity 0.900; 95 % CI "
        "0.100 to 0.900) there and 10 of 28 (sensitivity 0.643; 95 % CI 0.458 to 0.793) here."
    )
    (only,) = say(build(_on_test(study, best=1, second=3), "answer"), "elsewhere")
    assert only.startswith(f"On the test split, where it misses the fewest as well, {BEST} misses")


def test_what_trained_or_steered_a_run_is_no_second_opinion(study):
    """Not the training split, by name or as the run states it, nor the split that it watched."""
    assert _elsewhere(study, "Train") == ()
    stated = {"data": {"train_split": "Fold-1", "validation_split": "fold-2"}}
    assert _elsewhere(study, "fold-1", stated) == ()
    assert _elsewhere(study, "fold-2", stated) == ()
    assert len(_elsewhere(study, "fold-3", stated)) == 1
    assert _elsewhere(study, "test", variant="fp16") == ()
