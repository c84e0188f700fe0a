"""The words of run.json: what fits is kept as it stands, what does not is refused by name."""

from __future__ import annotations

import json

import pytest

from covidreport.errors import RunError
from covidreport.storage.contract import read_input_words, read_run_file, read_stated_words
from covidreport.storage.words import MEANT, WORDS

WRONG_INPUT = [
    ("antialias", '"false"', "`input.antialias` is 'false'; true or false, without quotes"),
    ("antialias", "1", "`input.antialias` is 1; true or false, without quotes"),
    ("antialias", "null", "`input.antialias` is null; true or false, without quotes"),
    ("shorter_side", '"64"', "`input.shorter_side` is '64'; a whole number of pixels from 1 to 16"),
    ("shorter_side", "0", "`input.shorter_side` is 0; a whole number"),
    ("shorter_side", "1e9", "`input.shorter_side` is 1000000000.0; a whole number"),
    ("divisor", "null", "`input.divisor` is null; a number other than 0"),
    ("divisor", "0", "`input.divisor` is 0; a number"),
    ("divisor", "NaN", "`input.divisor` is NaN; a number"),
    ("divisor", "1e-60", "`input.divisor` is 1e-60; a number"),
    ("divisor", "1e999", "`input.divisor` is Infinity; a number"),
    ("divisor", '"255"', "`input.divisor` is '255'; a number"),
    ("divisor", "true", "`input.divisor` is true; a number"),
    ("divisor", "1" + "0" * 400, "; a number other than 0"),
    ("std", "0", "`input.std` is 0; a number other than 0"),
    ("std", "[1, 0.0, 1]", "`input.std` is [1, 0.0, 1]; a number other than 0, or a list of one"),
    ("std", "[1, Infinity, 1]", "`input.std` is [1, Infinity, 1]; a number"),
    ("mean", "NaN", "`input.mean` is NaN; a number, or a list of one for each channel"),
    ("mean", "[]", "`input.mean` is []; a number"),
    ("mean", '["0.5"]', '`input.mean` is ["0.5"]; a number'),
    ("mean", '"0.5"', "`input.mean` is '0.5'; a number"),
    ("labels", '["a", "a"]', '`input.labels` is ["a", "a"]; a list of different names'),
    ("labels", '["a", 1]', '`input.labels` is ["a", 1]; a list of different names'),
    ("labels", '["a", ""]', '`input.labels` is ["a", ""]; a list of different names'),
    ("labels", '["a", " "]', "; a list of different names, without control characters"),
    ("labels", r'["a\n::error::b"]', r'`input.labels` is ["a\n::error::b"]; a list'),
    ("labels", r'["a\ud800"]', "; a list of different names"),
    ("labels", r'["a\u202eb"]', r"`input.labels` is ['a\u202eb']; a list of different names"),
    ("labels", '"covid-19"', "`input.labels` is 'covid-19'; a list of different names"),
    ("labels", "[]", "`input.labels` is []; a list of different names"),
    ("size", "[true, 224]", "`input.size` is [true, 224]; [height, width] in pixels"),
    ("size", "[-224, 224]", "`input.size` is [-224, 224]; [height, width] in pixels"),
    ("size", "[224.0, 224]", "`input.size` is [224.0, 224]; [height, width] in pixels"),
    ("size", "224", "`input.size` is 224; [height, width] in pixels"),
    ("size", "[1000000000, 1]", "; [height, width] in pixels, whole numbers from 1 to 16384"),
    ("channels", "true", "`input.channels` is true; 1 (grey) or 3"),
    ("channels", "2", "`input.channels` is 2; 1 (grey) or 3"),
    ("fit", '"squash"', "`input.fit` is 'squash'; one of stretch, crop, pad, cut"),
    ("resample", "3", "`input.resample` is 3; one of nearest, box, bilinear"),
    ("activation", '"relu"', "`input.activation` is 'relu'; one of logit, sigmoid, softmax"),
    ("layout", '["NCHW"]', '`input.layout` is ["NCHW"]; one of NCHW, NHWC'),
    ("label_map", '{"COVID": 1}', '`input.label_map` is {"COVID": 1}; names by name'),
    ("label_map", '["a"]', '`input.label_map` is ["a"]; names by name'),
    ("input_name", "5", "`input.input_name` is 5; the name of an input"),
    ("colour", '"grey"', "`input.colour` is no word of a contract; labels, size, fit"),
    ("interpolation", '"bicubic"', "`input.interpolation` is no word of a contract (`resample` is"),
    ("image_mean", "[0.5]", "`input.image_mean` is no word of a contract (`mean` is one)"),
    ("Labels", '["a"]', "`input.Labels` is no word of a contract (`labels` is one)"),
    ("lables", '["a"]', "`input.lables` is no word of a contract (`labels` is one)"),
]
WRONG = [
    ("name", "5", "`name` is 5; a text that is not empty"),
    ("name", '" "', "`name` is ' '; a text that is not empty"),
    ("name", r'"\ud800"', r"`name` is '\ud800'; a text"),
    ("name", "[]", "`name` is []; a text"),
    ("model", '["model.onnx"]', '`model` is ["model.onnx"]; the name of an ONNX file'),
    ("model", r'"a\u0000b"', r"`model` is 'a\x00b'; the name of an ONNX file"),
    ("block", "{}", "`block` is {}; a text or a number"),
    ("experiment", "true", "`experiment` is true; a text or a number"),
    ("description", "5", "`description` is 5; a text"),
    ("status", "[]", "`status` is []; a text"),
    ("seed", "[1]", "`seed` is [1]; a whole number"),
    ("hyperparameters", "[]", "`hyperparameters` is []; an object"),
    ("data", '"data"', "`data` is 'data'; an object"),
    ("data", '{"source": 5}', "`data.source` is 5; a path, from the run folder"),
    ("data", '{"train_split": ["a"]}', '`data.train_split` is ["a"]; the name of a split'),
    ("input", "[]", "`input` is []; an object: the words of docs/models.md"),
    ("export", '{"sha256": "abc"}', "`export.sha256` is 'abc'; a sha256 in 64 hexadecimal digits"),
    ("versions", '"1"', "`versions` is '1'; an object"),
]


def _write(folder, text, encoding="utf-8"):
    file = folder / "run.json"
    file.write_bytes(text.encode(encoding))
    return file


def _fault(folder, body):
    """The one fault of a run.json with these entries, without its place."""
    file = _write(folder, f'{{"schema": "covidreport.run/1", {body}}}')
    (fault,) = read_run_file(file).faults
    place = f"{file}: "
    assert fault.startswith(place)
    assert fault.isprintable()
    return fault.removeprefix(place)


@pytest.mark.parametrize(("word", "value", "sentence"), WRONG_INPUT)
def test_a_word_of_the_contract_that_does_not_fit_is_refused_by_name(
    tmp_path, word, value, sentence
):
    """Its path, what it is and what is wanted; it is never read as something near."""
    fault = _fault(tmp_path, f'"input": {{"{word}": {value}}}')
    assert sentence in fault


@pytest.mark.parametrize(("word", "value", "sentence"), WRONG)
def test_a_known_key_that_does_not_fit_is_refused_by_name(tmp_path, word, value, sentence):
    """And is not kept, so that nobody trips over it."""
    assert sentence in _fault(tmp_path, f'"{word}": {value}')
    assert word not in read_run_file(tmp_path / "run.json").settings


def test_all_faults_are_told_at_once(tmp_path):
    """Three words in two places."""
    text = '{"schema": "covidreport.run/1", "name": 5, "input": {"size": 1, "divisor": 0}}'
    found = read_run_file(_write(tmp_path, text))
    (fault,) = found.faults
    assert fault.split("`")[1::2] == ["name", "input.size", "input.divisor"]
    assert found.settings == {"schema": "covidreport.run/1"}


def test_what_fits_is_kept_whole_and_as_it_stands(tmp_path):
    """Free words at every level, and the contract as it was written: the key depends on it."""
    settings = {
        "schema": "covidreport.run/1",
        "name": "vgg16/bce \u4e2d",
        "block": 4,
        "seed": None,
        "mine": {"any": [1, {"thing": None}]},
        "data": {"source": "../../data", "labels": ["a"], "splits": {"train": 5}},
        "export": {"sha256": "ab" * 32, "opset": 20},
        "exported_epoch": 3,
        "input": {
            "labels": ["COVID", "Nor mal"], "label_map": {"COVID": "covid-19"}, "size": [96, 64],
            "divisor": 255, "mean": 0, "std": [1, 0.5, -1], "shorter_side": None, "fit": "crop",
        },
    }  # fmt: skip
    found = read_run_file(_write(tmp_path, json.dumps(settings)))
    assert found.faults == ()
    assert found.settings == settings
    assert json.dumps(found.settings) == json.dumps(settings)


def test_a_number_that_is_none_is_undefined_in_what_is_free(tmp_path):
    """NaN, which Python writes, is null here; half of a character is spelt."""
    text = r'{"schema": "covidreport.run/1", "best": [NaN, -Infinity, 1e999, 2], "x": "a\ud800"}'
    found = read_run_file(_write(tmp_path, text))
    assert found.faults == ()
    assert found.settings["best"] == [None, None, None, 2]
    assert found.settings["x"] == "a\\ud800"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1]", "holds list, expected an object"),
        ("", "is not valid JSON"),
        ('{"schema": "covidreport.run/2"}', "its schema is 'covidreport.run/2', this version"),
        ("{}", 'its schema is null, this version reads \'covidreport.run/1\'; write "schema": '),
        ('{"schema": "covidreport.run/1", "a": ' + "[" * 500 + "]" * 500 + "}", "32 levels deep"),
        ('{"schema": "covidreport.run/1", "a": ' + "[" * 100_000, "32 levels deep"),
        ('{"schema": "covidreport.run/1", "a": ' + "9" * 5000 + "}", "of too many digits"),
        ('{"schema": "covidreport.run/1", "name": "a", "name": "b"}', "`name` stands twice"),
        ('{"schema": "covidreport.run/1", "input": {"fit": "pad", "fit": "crop"}}', "`fit` stands"),
        ('{"schema": "covidreport.run/1", "a": "' + "x" * 2**24 + '"}', "16,777,216 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_run_json_is_refused_with_its_reason(tmp_path, text, sentence):
    """Nothing of it is kept."""
    found = read_run_file(_write(tmp_path, text))
    assert found.settings == {}
    assert len(found.faults) == 1
    assert sentence in found.faults[0]
    assert len(found.faults[0]) < 300 + len(str(tmp_path))


def test_a_byte_order_mark_is_passed_over(tmp_path):
    """Editors on Windows put it there."""
    text = '{"schema": "covidreport.run/1", "name": "a"}'
    assert read_run_file(_write(tmp_path, text, "utf-8-sig")).settings["name"] == "a"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_is_named(tmp_path, encoding):
    """PowerShell writes it: the remedy is said."""
    file = _write(tmp_path, '{"schema": "covidreport.run/1"}', encoding)
    assert read_run_file(file).faults == (f"{file}: is UTF-16 text; save it as UTF-8",)


def test_bytes_that_are_not_utf8_are_placed(tmp_path):
    """Latin-1, as old editors write it."""
    file = _write(tmp_path, '{"schema": "covidreport.run/1", "name": "é"}', "latin-1")
    assert read_run_file(file).faults == (
        f"{file}: is not UTF-8 text (byte 0xe9 at 41); save it as UTF-8",
    )


def test_a_contract_in_metadata_is_typed_alike():
    """The same words, as JSON under our prefix; other notes are no word of it."""
    stated = {
        "covidreport.labels": '["a", "b"]',
        "covidreport.run": "exp 1",
        "covidreport.note": "x",
    }
    assert read_stated_words(stated).stated() == {"labels": ("a", "b")}
    for metadata, sentence in (
        ({"covidreport.labels": '["a", "a"]'}, '`labels` is \\["a", "a"\\]; a list of different'),
        ({"covidreport.labels": '["a\\n"]'}, "without control characters"),
        ({"covidreport.antialias": '"false"'}, "`antialias` is 'false'; true or false"),
        ({"covidreport.size": "[" * 9999}, "metadata covidreport.size is not JSON"),
        ({"covidreport.antialiass": "false"}, "antialiass is no word of it, `antialias` is"),
        ({"covidreport.lable_map": "{}"}, "lable_map is no word of it, `label_map` is"),
        ({"covidreport.size": "9" * 9999}, "metadata covidreport.size is not JSON"),
    ):
        with pytest.raises(RunError, match=sentence):
            read_stated_words(metadata)


def test_null_says_that_there_is_none_where_there_may_be_none():
    """As files that stand say of a mean that is not subtracted."""
    words = {"mean": None, "std": None, "shorter_side": None, "label_map": None}
    assert read_input_words(words).stated() == words


def test_every_name_of_another_tool_stands_for_a_word():
    """And is none itself."""
    assert set(MEANT.values()) <= set(WORDS)
    assert not set(MEANT) & set(WORDS)
