"""Models by name, `tutorial_cnn`, `mnist_cnn`, `two_conv` and what plugins register, and from saved files."""

from runner.models import mnist_cnn, tutorial_cnn, two_conv  # noqa: F401 - they register themselves
from runner.models.builder import MODELS
from runner.models.building import build_model

__all__ = ["MODELS", "build_model"]
