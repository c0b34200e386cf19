"""The sparsity check: the proof that every planned zero is zero and every promised pattern holds.

It is made at four points: after training (`"trained"`), after strip (`"stripped"`), in the reloaded model
file (`"saved"`) and in the bytes of each TFLite file (`"tflite_<variant>"`).
"""

from runner.verify.keras_weights import check_weights
from runner.verify.output_comparison import compare_outputs, rounding_depth
from runner.verify.sparsity_check import CSV_COLUMNS, CheckRow, PrunedWeight, SparsityCheck
from runner.verify.tflite_file import broken_encodings, check_tflite_file, find_weights

__all__ = [
    "CSV_COLUMNS",
    "CheckRow",
    "PrunedWeight",
    "SparsityCheck",
    "broken_encodings",
    "check_tflite_file",
    "check_weights",
    "compare_outputs",
    "find_weights",
    "rounding_depth",
]
