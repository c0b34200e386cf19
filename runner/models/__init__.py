"""Models by name, which plugins can add to, and from saved files."""

from runner.models import applications, resnet, small  # noqa: F401 - to register
from runner.models.builder import MODELS
from runner.models.building import build_model

__all__ = ["MODELS", "build_model"]
