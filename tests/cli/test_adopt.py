"""`covidreport adopt`: what came with a model becomes its run.json; the rest is asked for."""

from __future__ import annotations

import json
import re
import shlex

import onnx
import pytest

from covidreport.records import PixelSpec
from covidreport.store import read_evaluation, write_run
from tests.cli.command import write_project
from tests.onnx_models import write_brightness_model
from tests.storage.test_published import TIMM, VIT

KEY = "data-validation"
LABELS = "covid-19,normal,pneumonia"
COLOUR = PixelSpec(8, 8, channels=3)


@pytest.fixture
def project(tmp_path):
    """Data and a place for models; every model calls covid-19 what is brighter than 100."""
    write_project(tmp_path)
    (tmp_path / "models").mkdir()
    return tmp_path


def _write(project, name="net", scale=1.0, **options):
    """A model of pixels that are fed as 0 to `scale`."""
    slopes = [slope * 255 / scale for slope in (0.1, -0.1, 0.02)]
    return write_brightness_model(
        project / "models" / f"{name}.onnx", slopes, dtype="float32",
        **{"metadata": {}, "pixels": COLOUR, **options},
    )  # fmt: skip


def _words(project, name="net"):
    return json.loads((project / "models" / name / "run.json").read_text())["input"]


def _missed(project, name="net"):
    evaluation = read_evaluation(project / "models" / name / "evaluations" / KEY)
    return evaluation.counts["covid-19"].fn


def test_what_is_missing_is_asked_for_with_a_line_that_works(project, covidreport):
    """The graph shows size, channels, layout and how many outputs; the line completes it."""
    _write(project)
    done = covidreport("adopt", "models/net.onnx")
    assert done.code == 3
    assert "labels: --labels covid-19,normal  (3 names: " in done.err
    assert not (project / "models" / "net").exists()
    line = re.search(r"covidreport (adopt .*)", done.err).group(1)
    pasted = shlex.split(line.replace("covid-19,normal", LABELS).replace("softmax-logit", "logit"))
    done = covidreport(*pasted)
    assert done.code == 0, done.err
    assert "7 images of" in done.err
    assert "as logit: covid-19 " in done.err
    assert _words(project) == {
        "labels": LABELS.split(","), "fit": "stretch", "resample": "bilinear",
        "activation": "logit", "range": [0, 1],
    }  # fmt: skip
    assert covidreport("evaluate", "models/net.onnx").code == 0
    assert _missed(project) == 1


def test_what_is_said_in_two_steps_is_kept(project, covidreport):
    """A run.json that is there goes before all but the command, and keeps its other keys."""
    _write(project)
    (project / "models" / "net").mkdir()
    write_run(project / "models" / "net", {"seed": 3, "input": {"divisor": 255}})
    done = covidreport("adopt", "models/net.onnx", "--like", "fastai", "--run", "first")
    assert done.code == 3
    assert "range" not in _words(project)
    done = covidreport(
        "adopt", "models/net.onnx", "--labels", LABELS, "--set", "activation=logit", "--set",
        "mean=null", "--set", "std=null",
    )  # fmt: skip
    assert done.code == 0, done.err
    settings = json.loads((project / "models" / "net" / "run.json").read_text())
    assert (settings["seed"], settings["name"]) == (3, "first")
    assert settings["input"]["fit"] == "cut"
    assert covidreport("evaluate", "models/net.onnx").code == 0
    assert _missed(project) == 1


def test_the_end_of_the_graph_says_the_activation(project, covidreport):
    """A sigmoid; it goes before what a Hugging Face file says of the model without it."""
    _write(project, tail=["Sigmoid"])
    processor = {**VIT, "size": {"height": 8, "width": 8}, "do_normalize": False}
    config = {"id2label": dict(enumerate(LABELS.split(","))), "problem_type": "regression"}
    (project / "models" / "preprocessor_config.json").write_text(json.dumps(processor))
    (project / "models" / "config.json").write_text(json.dumps(config))
    done = covidreport("adopt", "models/net.onnx")
    assert done.code == 0, done.err
    assert re.search(r'activation +"sigmoid" +the end of the graph', done.out)
    assert re.search(r"size +\[8, 8\] +preprocessor_config.json", done.out)
    assert covidreport("evaluate", "models/net.onnx").code == 0
    assert _missed(project) == 1


@pytest.mark.parametrize(
    ("like", "activation", "decision"),
    [
        ("torchvision:resnet50", "softmax-logit", "argmax"),
        ("fastai", "softmax", "argmax"),
        ("torchvision:resnet50", "logit", None),  # a yes or no each
        ("monai", "softmax-logit", None),
    ],
)
def test_classifiers_that_name_one_class_are_decided_by_argmax(
    project, covidreport, like, activation, decision
):
    """As these frameworks' own examples do it; what is said goes before it."""
    _write(project)
    words = (
        "adopt", "models/net.onnx", "--like", like, "--labels", LABELS, "--set",
        f"activation={activation}", "--set", "fit=stretch", "--set", "resample=bilinear",
    )  # fmt: skip
    covidreport(*words)
    assert _words(project).get("decision") == decision
    covidreport(*words, "--set", "decision=threshold")
    assert _words(project)["decision"] == "threshold"


def test_timm_and_class_indices_are_read(project, covidreport):
    """timm says all but the activation; Keras's class_indices.json gives names by number."""
    _write(project)
    config = {**TIMM, "label_names": LABELS.split(",")}
    config["pretrained_cfg"] = {**TIMM["pretrained_cfg"], "input_size": [3, 8, 8], "crop_pct": 1.0}
    (project / "models" / "config.json").write_text(json.dumps(config))
    done = covidreport("adopt", "models/net.onnx", "--set", "activation=softmax-logit")
    assert done.code == 0, done.err
    assert (_words(project)["shorter_side"], _words(project)["divisor"]) == (8, 255)
    (project / "models" / "config.json").unlink()
    indices = {"normal": 1, "pneumonia": 2, "covid-19": 0}
    (project / "models" / "class_indices.json").write_text(json.dumps(indices))
    _write(project, "keras", layout="NHWC")
    done = covidreport(
        "adopt", "models/keras.onnx", "--like", "keras", "--set", "range=[0, 1]", "--set",
        "activation=logit",
    )  # fmt: skip
    assert done.code == 0, done.err
    words = _words(project, "keras")
    assert (words["labels"], words["layout"], words["antialias"]) == (
        LABELS.split(","), "NHWC", False,
    )  # fmt: skip


def test_ultralytics_leaves_what_is_needed_in_the_file(project, covidreport):
    """Names, size and task; its export ends in a softmax."""
    metadata = {"task": "classify", "imgsz": "[8, 8]",
                "names": "{0: 'covid-19', 1: 'normal', 2: 'pneumonia'}"}  # fmt: skip
    _write(project, metadata=metadata, tail=["Softmax"])
    done = covidreport("adopt", "models/net.onnx")
    assert done.code == 0, done.err
    assert _words(project)["activation"] == "softmax"
    assert covidreport("evaluate", "models/net.onnx").code == 0


def test_torchxrayvision_has_its_labels_and_its_range(project, covidreport):
    """18 outputs: its pathologies; grey, -1024 to 1024."""
    write_brightness_model(
        project / "models" / "xrv.onnx", [0.1] * 18, [0.0] * 18, labels=["x"], dtype="float32",
        metadata={}, tail=["Sigmoid"],
    )  # fmt: skip
    covidreport("adopt", "models/xrv.onnx", "--like", "torchxrayvision")
    words = _words(project, "xrv")
    assert (words["labels"][8], len(words["labels"]), words["range"]) == (
        "Pneumonia", 18, [-1024, 1024],
    )  # fmt: skip


def test_another_size_than_the_preset_s_is_asked_for(project, covidreport):
    """Nobody knows how a picture is brought to it."""
    _write(project, "resnet50_covid")
    done = covidreport("adopt", "models/resnet50_covid.onnx", "--like", "torchvision")
    assert done.code == 3
    assert "the model takes 8 x 8, and torchvision feeds 224 x 224" in done.err
    assert not {"fit", "shorter_side"} & _words(project, "resnet50_covid").keys()
    assert "as torchvision feeds resnet50, which the file's name names" in done.out


def test_a_graph_that_scales_its_input_takes_no_preset_s_range(project, covidreport):
    """Twice would be worse without a word: it is asked for."""
    path = _write(project)
    model = onnx.load(path)
    model.graph.node[0].input[0] = "halved"
    model.graph.node.insert(0, onnx.helper.make_node("Mul", ["pixels", "half"], ["halved"]))
    half = onnx.helper.make_tensor("half", onnx.TensorProto.FLOAT, [1], [0.5])
    model.graph.initializer.append(half)
    onnx.save(model, path)
    done = covidreport("adopt", "models/net.onnx", "--like", "fastai", "--labels", LABELS)
    assert done.code == 3
    assert "the graph begins with Mul: it may scale its input itself" in done.err
    assert not {"range", "mean", "std"} & _words(project).keys()


def test_labels_that_the_data_spell_otherwise_are_proposed(project, covidreport):
    """With the line to paste, which works."""
    _write(project)
    done = covidreport(
        "adopt", "models/net.onnx", "--labels", "COVID_19,Normal,pneumonia", "--like", "fastai",
        "--set", "activation=logit", "--set", "mean=null", "--set", "std=null", "--set",
        "range=[0,1]",
    )  # fmt: skip
    assert done.code == 3
    line = re.search(r"covidreport (adopt models/net.onnx --set .*)", done.err).group(1)
    assert covidreport(*shlex.split(line)).code == 0
    assert covidreport("evaluate", "models/net.onnx").code == 0
    assert _missed(project) == 1


def test_many_at_once_and_one_that_is_none(project, covidreport):
    """The others are adopted; the pickle is told how to export it."""
    for name in ("a", "b"):
        _write(project, name)
    (project / "models" / "c.onnx").write_bytes(b"\x80\x04N.")
    done = covidreport(
        "adopt", "models/a.onnx", "models/b.onnx", "models/c.onnx", "--labels", LABELS, "--set",
        "activation=logit", "--set", "range=[0,1]", "--set", "fit=pad", "--set", "resample=box",
    )  # fmt: skip
    assert done.code == 3
    assert "models/c.onnx: is a pickle" in done.err
    assert "skl2onnx" in done.err
    assert covidreport("evaluate", "models/a.onnx", "models/b.onnx").code == 0


def test_a_model_that_states_its_contract_needs_nothing(project, covidreport):
    """No run.json is written, only its reference answers."""
    write_brightness_model(project / "models" / "own.onnx")
    done = covidreport("adopt", "models/own.onnx")
    assert done.code == 0, done.err
    assert "the model's file, which states it" in done.out
    written = [path.name for path in (project / "models" / "own").rglob("*")]
    assert sorted(written) == ["answers.json", "reference"]
    assert covidreport("evaluate", "models/own.onnx").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("models/none.onnx",), "no such file or folder"),
        (("models/net.onnx", "--like", "caffe"), "--like caffe: one of torchvision"),
        (("models/net.onnx", "--set", "logit"), "WORD=VALUE is wanted"),
        (("models/net.onnx", "--set", "interpolation=box"), "(`resample` is one)"),
        (("models/net.onnx", "models/net.onnx", "--run", "x"), "--run names one run"),
        (("models",), None),
    ],
)
def test_wrong_usage_is_told(project, covidreport, words, message):
    """With what is wanted."""
    _write(project)
    done = covidreport("adopt", *words)
    assert done.code == (2 if message else 3), done.err
    assert (message or "nobody says yet") in done.err
