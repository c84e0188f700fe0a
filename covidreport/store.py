"""The files of a run folder by their names: what the rooms above read and write of them."""

from __future__ import annotations

from covidreport.storage.address import refuse_address, refuse_addresses
from covidreport.storage.cache import read_cached, write_cached
from covidreport.storage.codec import read_json, write_json
from covidreport.storage.evaluation import (
    clear_failure,
    read_evaluation,
    read_failure,
    read_thresholds,
    write_evaluation,
    write_failure,
    write_thresholds,
)
from covidreport.storage.files import digest_file
from covidreport.storage.folder import (
    EVALUATION_FILE,
    EVALUATIONS_FOLDER,
    FAILURE_FILE,
    HISTORY_FILE,
    MODEL_FILE,
    RUN_FILE,
    SCORES_FILE,
    THRESHOLDS_FILE,
    evaluation_folder,
    write_history,
    write_run,
)
from covidreport.storage.maps import MAPS_FILE, MAPS_FOLDER, maps_file, read_maps, write_maps
from covidreport.storage.reference import (
    REFERENCE_FILE,
    describe_feeding,
    read_reference,
    write_reference,
)
from covidreport.storage.scores import (
    ATTRIBUTE,
    SCORES_SCHEMA,
    ScoresReader,
    check_scores,
    read_scores,
    write_scores,
)
from covidreport.storage.thumbnails import (
    MAX_THUMBNAIL_BYTES,
    THUMBNAILS_FILE,
    THUMBNAILS_FOLDER,
    THUMBNAILS_SCHEMA,
    name_thumbnail,
    read_thumbnail,
    thumbnail_file,
)
from covidreport.storage.words import RUN_SCHEMA
from covidreport.storage.write import encode_text, write_atomic

__all__ = [
    "ATTRIBUTE",
    "EVALUATIONS_FOLDER",
    "EVALUATION_FILE",
    "FAILURE_FILE",
    "HISTORY_FILE",
    "MAPS_FILE",
    "MAPS_FOLDER",
    "MAX_THUMBNAIL_BYTES",
    "MODEL_FILE",
    "REFERENCE_FILE",
    "RUN_FILE",
    "RUN_SCHEMA",
    "SCORES_FILE",
    "SCORES_SCHEMA",
    "THRESHOLDS_FILE",
    "THUMBNAILS_FILE",
    "THUMBNAILS_FOLDER",
    "THUMBNAILS_SCHEMA",
    "ScoresReader",
    "check_scores",
    "clear_failure",
    "describe_feeding",
    "digest_file",
    "encode_text",
    "evaluation_folder",
    "maps_file",
    "name_thumbnail",
    "read_cached",
    "read_evaluation",
    "read_failure",
    "read_json",
    "read_maps",
    "read_reference",
    "read_scores",
    "read_thresholds",
    "read_thumbnail",
    "refuse_address",
    "refuse_addresses",
    "thumbnail_file",
    "write_atomic",
    "write_cached",
    "write_evaluation",
    "write_failure",
    "write_history",
    "write_json",
    "write_maps",
    "write_reference",
    "write_run",
    "write_scores",
    "write_thresholds",
]
