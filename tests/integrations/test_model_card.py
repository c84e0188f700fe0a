"""The model card: front matter that the Hub reads, figures with intervals, limits of use."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.integrations.model_card import render_model_card
from covidreport.records import Estimate, InputSpec, PixelSpec
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.tables import metric_title
from covidreport.storage.codec import encode
from covidreport.storage.runs import read_run
from tests.integrations.run_folders import LABELS, write_scored_run
from tests.integrations.verdicts import HOSTILE


def _card(folder, name=None):
    write_scored_run(folder, name)
    data = collect_report([read_run(folder)], ReportChoices("covid-19", 0.5))
    return data, render_model_card(data)


def _front(card):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed here")
    start, front, _ = card.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(front)


def test_the_front_matter_has_the_results(tmp_path):
    """Task, data set with split and fingerprint, and each defined figure as a number: 4 of 4 found,
    5 of 6 cleared."""
    front = _front(_card(tmp_path / "good")[1])
    assert front["pipeline_tag"] == "image-classification"
    ((model,),) = [front["model-index"]]
    assert model["name"] == "good"
    (result,) = model["results"]
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"]["name"] == "tiny, validation split"
    assert result["dataset"]["split"] == "validation"
    assert result["dataset"]["revision"] == "f" * 64
    figures = {each["name"]: (each["type"], each["value"]) for each in result["metrics"]}
    assert figures["Sensitivity, COVID-19"] == ("recall", 1.0)
    assert figures["Specificity, COVID-19"] == ("specificity", pytest.approx(5 / 6))
    assert all(isinstance(value, float) for _, value in figures.values())


def test_the_hub_reads_the_results(tmp_path):
    """Its own reader gives each defined metric with the value that was evaluated, and the card that
    it writes of these is read alike: nothing is lost to it."""
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
    data, text = _card(tmp_path / "good")
    card = hub.ModelCard(text)
    results = card.data.eval_results
    evaluation = data.runs[0].evaluation
    assert card.data.model_name == "good"
    by_label = {"COVID-19": "covid-19", "normal": "normal"}
    for result in results:
        title, _, label = result.metric_name.rpartition(", ")
        known = evaluation.estimates[by_label[label]]
        keys = [key for key in known if metric_title(key) == title]
        assert [result.metric_value] == [known[key].value for key in keys], result.metric_name
        assert result.dataset_split == "validation"
        assert result.task_type == "image-classification"
    assert {"recall", "specificity", "precision", "f1", "roc_auc"} <= {
        each.metric_type for each in results
    }
    again = hub.ModelCard(str(card))
    assert again.data.eval_results == results
    assert again.text == card.text


def test_the_text_has_intervals_and_limits(tmp_path):
    """Each rate with its numbers and interval (Wilson's 4 of 4: 0.510 to 1); what it is not for."""
    _, card = _card(tmp_path / "good")
    assert "1.000 (4 of 4; 95 % CI 0.510 to 1.000)" in card
    assert "## Limits of use\n\n- Research software, no medical device" in card
    assert "## Training\n\n- architecture: tiny" in card
    assert card.index("Limits of use") < card.index("## Metrics on")


SPECS = {
    "grey, by itself": (
        InputSpec(PixelSpec(64, 48), LABELS, "pixels", "logits"),
        [
            "- Input: pixels: uint8, N × 1 × 64 × 48 (NCHW)",
            "- Channels: 1, grey",
            "64 × 48 (height × width): the whole image is stretched, bilinear with antialiasing",
            "- Values: pixels from 0 to 255\n",
            "- Output: logits: a logit of each label: a sigmoid gives its probability",
            "- Columns: covid-19, normal",
            "- Answer: yes where the probability is above: covid-19 0.5, normal 0.5",
        ],
    ),
    "as torchvision": (
        InputSpec(
            PixelSpec(224, 224, "crop", channels=3, shorter_side=256, antialias=False), LABELS,
            "x", "y", dtype="float32", divisor=255, mean=(0.485, 0.456, 0.406), batch=1,
            std=(0.229, 0.224, 0.225), activation="softmax-logit", channel_order="BGR",
            outputs=("normal", None, "covid-19"),
        ),
        [
            "- Input: x: float32, 1 × 3 × 224 × 224 (NCHW)",
            "- Channels: 3, BGR",
            "shorter side is scaled to 256 pixels and the centre cut out, bilinear with no anti",
            "divided by 255, then less 0.485, 0.456, 0.406, then over 0.229, 0.224, 0.225",
            "- Columns: normal, not used, covid-19",
            "probability of the softmax is above",
        ],
    ),
    "each image by itself": (
        InputSpec(PixelSpec(8, 8), LABELS, "x", "y", layout="NHWC", dtype="float32", divisor=255,
                  per_image="min-max"),
        ["N × 8 × 8 × 1 (NHWC)", "255, then each image stretched to 0 to 255, then divided by 255"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SPECS)
def test_the_card_says_what_the_model_takes(tmp_path, what):
    """As the evaluation recorded it, by hand from the contract; nothing where none was run."""
    spec, lines = SPECS[what]
    data, card = _card(tmp_path / "good")
    assert "Input contract" not in card
    (reported,) = data.runs
    provenance = {**reported.evaluation.provenance, "input": encode(spec)}
    known = replace(reported.evaluation, provenance=provenance)
    card = render_model_card(replace(data, runs=(replace(reported, evaluation=known),)))
    part = card.split("## Input contract\n")[1].split("## ")[0]
    assert not [line for line in lines if line not in part]


def test_a_hostile_name_is_data(tmp_path):
    """It stays one scalar of the front matter, and text in the page."""
    _, card = _card(tmp_path / "good", HOSTILE)
    name = _front(card)["model-index"][0]["name"]
    assert "\"c\" 'd'" in name
    assert "<script>" in name
    assert "<script>" not in card.split("---\n", 2)[2]


def test_tiny_and_undefined_figures(tmp_path):
    """`1e-05` would be a text to YAML's readers; what is undefined is left out."""
    data, _ = _card(tmp_path / "good")
    (reported,) = data.runs
    figures = {"covid-19": {"ppv": Estimate(1e-05), "npv": Estimate(None)}}
    changed = replace(reported.evaluation, estimates=figures)
    card = render_model_card(replace(data, runs=(replace(reported, evaluation=changed),)))
    (metric,) = _front(card)["model-index"][0]["results"][0]["metrics"]
    assert (metric["type"], metric["value"]) == ("precision", 1e-05)


def test_the_command_writes_it(covidreport, tmp_path):
    """`export --model-card` puts it where it is asked for."""
    write_scored_run(tmp_path / "good")
    done = covidreport("export", "good", "--model-card", "good/README.md")
    assert (done.code, done.out.strip()) == (0, "good/README.md")
    assert (tmp_path / "good" / "README.md").read_text().startswith("---\nlibrary_name: onnx\n")
