"""Models by name, which plugins can add to, and from saved files."""

from runner.models import applications, mnist_cnn, resnet, tutorial_cnn, two_conv  # noqa: F401 - to register
from runner.models.builder import MODELS
from runner.models.building import build_model

__all__ = ["MODELS", "build_model"]
