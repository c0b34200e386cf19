"""The sparsity check: the proof that every planned zero is zero and every promised pattern holds.

It is made at four points: after training (`"trained"`), after strip (`"stripped"`), in the reloaded model
file (`"saved"`) and in the bytes of each TFLite file (`"tflite_<variant>"`).
"""

from runner.verify.check import CSV_COLUMNS, CheckRow, PrunedWeight, SparsityCheck, Structure
from runner.verify.file import check_file
from runner.verify.outputs import check_outputs
from runner.verify.weights import check_weights

__all__ = [
    "CSV_COLUMNS",
    "CheckRow",
    "PrunedWeight",
    "SparsityCheck",
    "Structure",
    "check_file",
    "check_outputs",
    "check_weights",
]
