"""The `digits` data set: the handwritten digits of scikit-learn, enlarged to the size of MNIST."""

import numpy as np
from scipy.ndimage import affine_transform
from sklearn.datasets import load_digits

from runner.datasets.dataset import DATASETS, Array, Arrays, check_whole_number

SIDE = 28
# As in MNIST, a digit fills the middle 20x20 pixels, so that a shifted one is not cut.
INNER = 20
MAX_SHIFT = 2.0
MAX_TURN = 12.0
_MOST_COPIES = 100


@DATASETS.register("digits")
def digits(*, copies: int = 8, seed: int = 0) -> Arrays:
    """Loads 1,797 handwritten digits of 8x8 pixels, enlarged to `[28, 28, 1]`. Needs no network.

    A fifth of the images, untouched, is the test set. The rest is the training set, each image in several
    copies, shifted by up to 2 pixels and rotated by up to 12 degrees; the copies of an image are neighbours.
    A demonstration, not evidence.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Repository, 1998.

    Args:
        copies: Training copies of each image, 1 to 100.
        seed: Seed of the test set, the shifts and the rotations. Not the run's seed: runs are compared on
            the same content.

    Raises:
        UnfitArrays: `copies` or `seed` is out of range.
    """
    check_whole_number("copies", copies, least=1, most=_MOST_COPIES)
    check_whole_number("seed", seed, least=0)
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16.0
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    held_out = len(images) // 5
    test, train = order[:held_out], np.repeat(order[held_out:], copies)
    turns = np.deg2rad(rng.uniform(-MAX_TURN, MAX_TURN, len(train)))
    shifts = rng.uniform(-MAX_SHIFT, MAX_SHIFT, (len(train), 2))
    return Arrays(
        x_train=np.stack([_enlarged(images[i], t, s) for i, t, s in zip(train, turns, shifts, strict=True)]),
        y_train=labels[train].astype(np.int64),
        x_test=np.stack([_enlarged(images[i], 0.0, np.zeros(2)) for i in test]),
        y_test=labels[test].astype(np.int64),
        num_classes=10,
        note="8x8 handwriting enlarged to 28x28: a demonstration, not evidence",
        group=copies,
    )


def _enlarged(image: Array, turn: float, shift: Array) -> Array:
    """Resamples an 8x8 image in [0, 1] as `[28, 28, 1]`, rotated (radians) and shifted (pixels).

    Values are rounded to 256 levels, as in an image file, so that the content does not depend on the last
    bit of a processor's arithmetic.
    """
    scale = image.shape[0] / INNER
    cosine, sine = np.cos(turn), np.sin(turn)
    to_source = scale * np.array([[cosine, sine], [-sine, cosine]])
    centre = (SIDE - 1) / 2 + shift
    offset = (np.array(image.shape) - 1) / 2 - to_source @ centre
    resampled = affine_transform(image, to_source, offset, output_shape=(SIDE, SIDE), order=1)
    levels = np.rint(resampled * 255).astype(np.uint8)
    return (levels.astype(np.float32) / np.float32(255))[..., np.newaxis]
