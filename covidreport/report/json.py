"""The report's data as JSON, schema `covidreport.report/2`.

One object. `schema`, then the fields of `covidreport.records.ReportData` under their own names:
`title`, `target`, `dataset`, `split`, `runs`, `rankings`, `findings`, `provenance`, `repeats`,
`cases`, `classes`, `frequencies`, `referral`, `predictive`, `datasets`, `study`, `cohorts`,
`flow`, `groups`, `weak_spots`, `sites`, `readers`, `disturbed`, `foreign`.
Every record in it is an object of its fields, in the order of `covidreport.records`:

- `runs[]`: `run` (`name`, `folder`, `model`, `settings`, `history[]` of `epoch` and `values`),
  `evaluation` (or null), `others[]`, `failure` (or null: `subject`, `stage`, `reason`),
  `scores_from` (`computed here`, `as stored` or null), `thresholds_written_here` (null where they
  are not the run's own), `elsewhere[]` (evaluations on the other data sets, one each).
- An evaluation: `run`, `dataset`, `split`, `variant`, `fingerprint`, `labels`, `n_images`,
  `n_groups`, `thresholds`, `thresholds_from`, `counts` by label (`tn`, `fp`, `fn`, `tp`,
  `failed_positive`, `failed_negative`, `unknown`), `estimates` by label and metric (`value`, `low`,
  `high`, `numerator`, `denominator`, `method`; the metrics over all labels under `""`), `findings`,
  `failures`, `provenance`, `timing`, `has_scores`, `score_metrics` (or null),
  `label_fingerprints` (by label; a label that a run lacks stands nowhere).
- `score_metrics`: `plan` (how intervals were made: `interval`, `resamples`, `seed`;
  `specificities`, `sensitivities`, `prevalence` by label, `normal`), `labels` (below),
  `consistency` (`nothing`, `contradiction`, `failed`), `subgroups` by attribute and label
  (`groups[]` and `not_stated` of `value`, `counts`, `sensitivity`, `specificity`, `compared[]`;
  `worst_sensitivity`, `worst_specificity`: null where all are equal), `units` (a digest of patients
  and attributes).
- `score_metrics.labels`, by label: `sensitivity_at[]` and `specificity_at[]` (`at`, `estimate`),
  `positive_likelihood_ratio`, `negative_likelihood_ratio`, `prevalence` with `ppv` and `npv`,
  `calibration` (`images`, `brier`, `intercept`, `slope`, `ece`, `bins[]` of `low`, `high`, `count`,
  `predicted`, `observed`), `net_benefit[]` (`threshold`, `run` with `low`, `high`, `method`,
  `treat_all`), `pooled` (of all images at once, by name: what of a cross-validated configuration
  is a mean over folds).
- `rankings[]`: `target`, `dataset`, `split`, `fingerprint`, `rows[]` (`run`, `rank` or null,
  `missed`, `false_alarms`, `why_unranked`, `counted`, `average_precision`, `patients`: null, or
  by patient `rule`, `counts`, `sensitivity` and `specificity`), `key`,
  `specificity_floor`, `comparisons` (or null): `basis` (`scores` or `counts`), `positives`,
  `negatives`, `n_groups`, `rank_evidence[]` (`run`, `significantly_different` from the best,
  `p_value`, `adjusted_p_value`, from counts `p_value_high` and `adjusted_p_value_high`, `rank_low`,
  `rank_high`, `best_probability`), `detectable_difference`, `independence_assumed`,
  `sensitivity[]`, `specificity[]` and `roc_auc[]` (`first`, `second`, `difference`, `low`, `high`,
  `p_value`, `adjusted_p_value`, `test`, `correction`, `only_first`, `only_second`), `overall`,
  `baseline`, `planned`, `margin`, `non_inferiority[]`, `margin_plan`, `combinations[]`,
  `excluded[]`, `same_specificity[]` (the best run's own first: `run` whose specificity it is, or
  null; `specificity`, `false_alarms`: the most; `reference`, `runs[]` of `run`, `sensitivity`,
  `specificity` reached; `comparisons[]` as above; `resamples`), `alpha`, `resamples`, `flips`,
  `seed`.
- `findings[]`: `severity`, `code`, `what`, `evidence`, `remedy`, `subjects`.
- `repeats[]`: `ranking` (its index, from 0), `configurations[]` (`runs`, `seeds`, `settings`,
  `copies`, `metrics` by name: `runs`, `undefined`, `mean`, `sd`, `low`, `high`), `comparisons[]`
  (`first`, `second`: indices of configurations; `metric`, `comparison`, `adjusted_p_value`).
- `cases` (or null): `runs[]`, `thresholds[]` (of each run), `positives[]` and `false_alarms[]`
  (`name`: a salted digest unless `ids_shown`; `group`, `attributes`, and by run `answers[]`: `yes`,
  `no` or `failed`, and `scores[]`), `positives_omitted` and `false_alarms_omitted` (how many are
  not listed), `label_errors[]` (or null where nobody can tell: `case` as above, `positive`) and
  `label_errors_omitted`, `split[]`, images on which readers differ (`case` as above, `positive[]`
  and `negative[]`: who said so; `truth`), and `split_omitted`, `excluded[]`, `pictures` by case
  (the sha256 of each; the pictures stand in the folders of the runs), `maps[]` of the runs that
  have them (`run`, `fill`, `pixels`: in whose coordinates they are; `positives`, `found` and
  `missed`: null, or the mean over so many
  `cases` of how much the score, 0 to 1, falls with each patch, `drops[][]` in rows from the top,
  with `outside`: the share of what lies above 0 outside the middle, and `peak` at `peak_row` and
  `peak_column`, from 0; `failed`, `cases` by name: `found`, `score` and its own peak; all patches
  stand in the run's maps.json), `maps_excluded[]` (`run`, `reason`).

- `classes` (or null): `labels`, `runs[]` (`run`, `false_alarms[]` by what else is true of an
  image: groups as above; `called[][]`, a row a true class: how many images were called each label
  alone, none, several, not scored; null unless every image carries exactly one label).
- `frequencies[]` (none unless a prevalence is stated): `run`, `patients` (else images),
  `frequencies` (`prevalence`, `total`, `positives`, `missed` and `false_alarms` of `n`, `low`,
  `high`).
- `referral[]`: `run`, `split` (whose quantiles the cuts are; null: of these images, and no
  interval), `points[]` (`at`, `referred` of `images`, `missed`), `curve[][]` (share referred, share
  of the positives still missed).
- `predictive[]`: `run`, `prevalence`, `stated` (in the settings), `ppv`, `npv`.
- `datasets[]` (none unless runs were evaluated on several; the first is compared with): `dataset`,
  `split`, `variant`, `fingerprint`, `rankings[]` (as above; none of the set that the report ranks),
  `why_first`, `differences[]` to the first set (`run`, `metric`, `difference` with its interval,
  `why`: why there is none), `cases` (as above; null of the set that the report ranks).
- `sites` (null unless asked for): `rule` (`by`, `rank`), `names[]`, `runs[]` (`run`, `figures[]` by
  site: `counts`, `sensitivity`, `specificity`, `roc_auc`; `sensitivity` and `specificity` over
  sites: `sites`, `mean`, `low`, `high`, `sd`, `sd_low`, `sd_high`, and `new_low`, `new_high`, the
  range at a new site; `worst`, the place of a site; `rank`; `unusual` by metric: `place`,
  `p_value`, `side`), `without[]` by site (`runs[]`, `missed`, `positives`), `not_stated`.

The curves that the HTML draws over all thresholds are not in it: they are drawn from each run's
scores.parquet, which holds more than a picture needs.

Fractions are fractions and not rounded. What is undefined is null; NaN and infinity are null too,
since JSON has neither. Paths have forward slashes. A field may be added within a version; none is
renamed or removed without a new one. Version 1 had other names: `details` (now `score_metrics`),
`standings` (`rank_evidence`), `told_apart` (`significantly_different`), `smallest_gap`
(`detectable_difference`), `left_out` (`excluded`; of cases that are not listed `…_omitted`), and of
repeats `methods` (`configurations`) with their `figures` (`metrics`).
- `readers` (or null): `readers[]` with their `roc_aucs[]`, the best first; `average`, `error`,
  `freedom`, `one_shot_error` of the ROC AUC; average `sensitivity` and `specificity`; `runs[]`
  (`run`, `roc_auc`, its difference to the `average` with `average_p` and to the `best` with
  `best_p`; p-values by Holm over the runs).
- `disturbed[]` (of runs that were evaluated on changed pictures): `run`, `margin`, `positives` and
  `negatives` (`images`, `wrong` as they are, `changes[]` as comparisons above: `first` is the
  change, `only_first` newly wrong).
- `foreign[]` (of runs that were shown what is no frontal radiograph): `run`, `false_alarms` (of all
  negatives), `kinds[]` (`name`, `images`, `called`: an estimate of those scored, `quartiles` of the
  score or null, `comparison` in specificity with the negatives, or null), `singles[]` (`name`,
  `score` or null, `called`).
- `truths` (null unless several readers' truth is stored): `truths[]` (`kind`: `dataset`, `majority`
  or `reader` with its `name`; `images`, `positives`, `first[]`: the runs that would be first;
  `figures[]` of `run`, `counts`, `sensitivity`, `specificity`, `roc_auc`), `tied` (images without a
  majority), `compared` and `same` (images that the data set and a majority have the truth of, and
  those on which it is equal), `agreement` of all readers and of `pairs[]` (`first`, `second`,
  `agreement`): `images`, `split` (on which they differ), `positive_calls` of `calls`, `agreed`,
  `kappa`, `positive`, `negative`, `pabak`; `excluded[]`.
- `weighted` (null unless sampling weights are stored): `runs[]` in their order by weight (`run`,
  `rank` or null, `rates` by metric: `estimate`, `size`: the effective sample or null, `total`: the
  weight that it is of; `sensitivity` and `specificity`: less those of the first, null of itself),
  `low` and `high` (of the weights), `confidence` (of the differences), `excluded[]`, `asked`.
- `paired_studies[]` (of any two studies that share experiments): `first`, `second` (names of study
  files), `changed` (the settings in which all pairs differ alike, each with both values), `pairs[]`
  (`experiment`, `first`, `second`: runs, `changed`: what else differs, `sensitivity` and
  `specificity`: the second less the first, a comparison or null), `alone[]` (without a partner).
- `study`: what `[study]` states, empty where it states nothing.
- `cohorts[]` (the ranked images first): `dataset`, `split`, `columns[]` (`label`: empty for all
  images, null for those without any; `images`, `patients`, `age`: null or `known`, `unknown`,
  `median`, `lower`, `upper`; `values` by attribute and value, `several` by attribute), `shared`,
  `unknown` by label.
- `flow` (or null): `images`, `unknown`, `positives`, `negatives`, `failed_positive`,
  `failed_negative`, `failed` by reason, `left_out` by reason and `other_splits` by split (null
  where they were not recorded), `patients`, `positive_patients`, `negative_patients`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import asdict

from covidreport.records import ReportData

REPORT_SCHEMA = "covidreport.report/2"


def render_json(data: ReportData) -> str:
    """The whole of `data`, indented, in the schema that this module describes."""
    value: dict[str, Any] = {"schema": REPORT_SCHEMA, **_fields(data)}
    del value["curves"]
    for each in value["datasets"]:
        del each["curves"]
    for table in (value["cases"], *(each["cases"] for each in value["datasets"])):
        for maps in (table or {}).get("maps", ()):
            for case in maps["cases"].values():
                del case["drops"]
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return msgspec.json.format(text, indent=2) + "\n"  # json's own indents in Python, slowly


_AS_IT_IS = frozenset({type(None), bool, int})
"""Of most values this is all that is asked."""


def _fields(record: msgspec.Struct) -> dict[str, object]:
    return {
        name: value if type(value) in _AS_IT_IS else _plain(value)
        for name, value in asdict(record).items()
    }


def _plain(value: object) -> object:
    """The value in the types that JSON has."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else None  # type: ignore[arg-type]
    if kind is str and value.isascii():  # type: ignore[attr-defined]
        return value
    if kind is tuple or kind is list:
        return [
            each if type(each) in _AS_IT_IS else _plain(each)
            for each in value  # type: ignore[attr-defined]
        ]
    if isinstance(value, msgspec.Struct):
        return _fields(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, frozenset):
        return [_plain(item) for item in sorted(value)]
    text = value.as_posix() if isinstance(value, Path) else str(value)
    # A file's name may hold bytes that are no text; they must not stop the report.
    return text.encode("utf-8", "backslashreplace").decode()
