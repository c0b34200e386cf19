"""A trained model in MLflow, with signature and input example, that loads without this package."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, LoggedModelStatus

if TYPE_CHECKING:
    import tensorflow as tf

NAME = "model"


def log_model(client: MlflowClient, run_id: str, module: "tf.Module", example: np.ndarray, step: int) -> str:
    """Logs a model as an output of a run: `mlflow.pyfunc.load_model("runs:/<run id>/model")` loads it.

    MLflow's own `log_model` needs the store to be the process's, and takes tf-keras models only where
    TF_USE_LEGACY_KERAS is set; the module's graph needs neither Keras nor the classes of its layers.

    Args:
        client: MLflow's client.
        run_id: MLflow's id of the run.
        module: Maps samples `[n, ...]`, any n, to outputs `[n, ...]`.
        example: Samples `[n, ...]`, n >= 1; the first becomes the input example.
        step: The training step of the model.

    Returns:
        MLflow's id of the model.
    """
    import mlflow.tensorflow
    import tensorflow as tf
    from mlflow.models import Model, infer_signature

    sample = example[:1]
    signature = infer_signature(sample, np.asarray(module(tf.constant(sample))))
    experiment = client.get_run(run_id).info.experiment_id
    logged = client.create_logged_model(experiment, name=NAME, source_run_id=run_id)
    status = LoggedModelStatus.FAILED
    try:
        with tempfile.TemporaryDirectory(prefix="runner-model-") as folder, _quiet():
            path = Path(folder, NAME)
            mlflow.tensorflow.save_model(
                module,
                path=str(path),
                mlflow_model=Model(artifact_path=NAME, run_id=run_id, model_id=logged.model_id),
                signature=signature,
                input_example=sample,
                # By default MLflow imports the model in a new process to find the requirements.
                pip_requirements=[f"tensorflow=={tf.__version__}"],
            )
            client.log_model_artifacts(logged.model_id, str(path))
            client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step)])
        status = LoggedModelStatus.READY
    finally:
        client.finalize_logged_model(logged.model_id, status)
    return str(logged.model_id)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences TensorFlow's message where it wrote the graph, and MLflow's about versions."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "mlflow")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
