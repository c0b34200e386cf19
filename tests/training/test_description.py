from typing import Any

import pytest

from runner.recipe.recipe import Augmentation, LearningRate, Optimizer, StepSpec, Training
from runner.training.description import described


@pytest.mark.parametrize(
    ("optimizer", "augmentation", "told"),
    [
        (Optimizer("adam", 0.001), None, "adam, learning rate 0.001"),
        (
            Optimizer("sgd", 1, {"momentum": 0.9, "nesterov": True}),
            Augmentation(2, True),
            "sgd (momentum 0.9, nesterov True), learning rate 1; images shifted by up to 2 pixels and"
            " flipped",
        ),
        (
            Optimizer("sgd", LearningRate("cosine", 0.1)),
            Augmentation(flip=True),
            "sgd, learning rate cosine: 0.1 in step 1, 0.0864 in step 25, 0.0516 in step 50,"
            " 0.0158 in step 75, 2.47e-05 in step 100; images flipped",
        ),
        (
            Optimizer("sgd", LearningRate("piecewise", 0.1, warmup=StepSpec(1, "epochs"))),
            Augmentation(shift=4),
            "sgd, learning rate piecewise: 0.01 in step 1, 0.1 in step 10, 0.01 in step 55,"
            " 0.001 in step 78; images shifted by up to 4 pixels",
        ),
        (Optimizer(), Augmentation(), "adam, learning rate 0.001"),
    ],
)
def test_one_line_says_all(optimizer: Optimizer, augmentation: Any, told: str) -> None:
    training = Training(10, 32, optimizer, augmentation=augmentation)

    assert described(training, total_steps=100, steps_per_epoch=10) == told
