"""The m:n notation, and what of the engine can be imported without TensorFlow."""

import subprocess
import sys

import pytest

from runner import pruning
from runner.pruning.notation import m_by_n_label, m_by_n_text, parse_m_by_n

WITHOUT_TENSORFLOW = ("counts", "importance", "layouts", "masks", "notation", "structures")


@pytest.mark.parametrize("written", ["2x4", " 2 x 4 ", "2:4", "[2, 4]", [2, 4], (2, 4.0)])
def test_every_form_reads_the_same(written: object) -> None:
    assert parse_m_by_n(written) == (2, 4)


def test_what_is_written_is_read_again() -> None:
    assert parse_m_by_n(m_by_n_text(1, 16)) == (1, 16)
    assert m_by_n_label(2, 4) == "2:4 (2 of 4 zero)"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("4x2", "is 4x2, but of each group of n weights m are zero: 0 < m < n. Did you mean 2x4?"),
        ("0x4", "is 0x4, but of each group of n weights m are zero: 0 < m < n."),
        ([4, 4], "is 4x4, but of each group of n weights m are zero: 0 < m < n."),
        ("24", "is '24'; write 2x4, \"2:4\" or [2, 4] for 2 zeros in each 4 weights"),
        ("[2x4]", "is '[2x4]'; write 2x4, \"2:4\" or [2, 4] for 2 zeros in each 4 weights"),
        ("2x" + "9" * 5000, "write 2x4"),
        ([2], "is [2]; write 2x4"),
        (["2", 4], "is '2', but must be a whole number"),
        ([2.5, 4], "is 2.5, but must be a whole number"),
        ([True, 4], "is True, but must be a whole number"),
        ([2, float("inf")], "is inf, but must be a whole number"),
        (
            124,
            'is the number 124: YAML reads an unquoted 2:4 as 124 (2 x 60 + 4) and 0x4 as 4; quote it, "2:4"',
        ),
        (64, 'quote it, "1:4", or write 1x4'),
        (None, "is None; write 2x4"),
    ],
)
def test_what_is_no_m_by_n_says_so(written: object, problem: str) -> None:
    with pytest.raises(ValueError, match=r"^is ") as caught:
        parse_m_by_n(written)
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 200


def test_what_needs_no_tensorflow_is_imported_without_it() -> None:
    modules = ", ".join(f"runner.pruning.{name}" for name in WITHOUT_TENSORFLOW)
    script = f"import sys, {modules}; print(sorted({{'tensorflow', 'tf_keras'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_every_public_name_is_found_and_listed() -> None:
    assert len(pruning.__all__) == 22
    assert set(pruning.__all__) <= set(dir(pruning))
    assert all(getattr(pruning, name).__name__ == name for name in pruning.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'prune_high_magnitude'"):
        _ = pruning.prune_high_magnitude
