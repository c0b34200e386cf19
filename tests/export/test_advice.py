from dataclasses import replace
from pathlib import Path

from runner.export.advice import Advice, ModelInput, Ratios, Zeros, advise, benchmark_command
from runner.export.measure import Exported

DENSE = Exported("float32", Path("dense_float32.tflite"), 1000, 900, loads=True, latency_ms=0.5)
DENSE_INT8 = replace(DENSE, variant="int8", bytes=260, gzip_bytes=250)
HALF = Zeros(share=0.5)
IMAGE = ModelInput("serving_default_image:0", (28, 28, 1))
AS_ANY = "zeros take the room and the time of any number"


def file(variant: str, size: int, zipped: int, *, sparse: int = 0, blocks: int = 0) -> Exported:
    return Exported(
        variant,
        Path(f"model_{variant}.tflite"),
        size,
        zipped,
        loads=True,
        latency_ms=0.25,
        sparse_tensors=sparse,
        block_tensors=blocks,
    )


def of(
    *files: Exported,
    zeros: Zeros = HALF,
    dense: tuple[Exported, ...] = (DENSE, DENSE_INT8),
    failed: tuple[str, ...] = (),
) -> Advice:
    """What is said of the first of some files."""
    said = advise(files, {twin.variant: twin for twin in dense}, zeros, IMAGE, failed)
    assert list(said) == [file.variant for file in files]
    return said[files[0].variant]


def test_ratios_are_to_dense_float32_and_to_the_dense_file_of_the_same_type() -> None:
    said = of(file("int8", 250, 90))
    assert (said.ratios, said.twin) == (Ratios(0.25, 0.1, 0.5, told_apart=True), "int8")
    assert said.twin_ratios == Ratios(250 / 260, 90 / 250, 0.5, told_apart=True)
    sparse = of(file("int8_sparse", 78, 75, sparse=1, blocks=1))
    assert (sparse.ratios.bytes, sparse.twin, sparse.twin_ratios.bytes) == (0.078, "int8", 0.3)
    plain = of(file("float32", 1000, 90))
    assert (plain.twin, plain.twin_ratios) == ("float32", plain.ratios)


def test_without_a_dense_file_there_are_no_ratios() -> None:
    said = of(file("int8", 250, 90), dense=())
    assert (said.ratios, said.twin_ratios) == (Ratios(), Ratios())
    assert said.why == f"a byte a weight; {AS_ANY}"
    untimed = replace(DENSE, latency_ms=0.0)
    assert of(file("int8", 250, 90), dense=(untimed,)).ratios.latency_ms is None
    broken = Exported("float32", None, None, None, loads=False, error="no")
    assert of(file("int8", 250, 90), dense=(broken,)).ratios.bytes is None


def test_unstructured_zeros_show_after_gzip_only() -> None:
    gzipped = "after gzip, which alone finds them, it is"
    assert of(file("float32", 1000, 300)).why == (
        f"{AS_ANY}, so that it is as large as the dense float32 file; {gzipped} 3.0x smaller"
    )
    assert of(file("int8", 260, 100)).why == (
        f"a byte a weight; {AS_ANY}, so that it is as large as the dense int8 file; {gzipped} 2.5x smaller"
    )
    assert of(file("int8", 200, 100)).why.endswith(f"number; {gzipped} 2.5x smaller than the dense int8 file")
    assert of(file("float32", 1000, 890)).why == AS_ANY


def test_a_file_that_failed_the_check_is_not_praised_nor_compared_with() -> None:
    broken = file("int8_sparse", 30, 25, sparse=3, blocks=2)
    said = of(broken, file("int8", 260, 100), zeros=Zeros(0.9, frozenset({16})), failed=("int8_sparse",))
    assert said.why == "not to be used: the sparsity check failed on it"
    assert said.runs_on == "nowhere: it does not hold or compute what was trained"
    assert (said.sound, said.benchmark, said.ratios, said.twin_ratios) == (False, None, Ratios(), Ratios())
    larger = of(file("int8_sparse", 400, 300, sparse=2), file("int8", 390, 100), failed=("int8",))
    assert larger.why.endswith("the indices take more than the zeros save: use int8")  # Than the dense int8.


def test_a_dense_run_gains_by_its_bits_alone() -> None:
    none = Zeros(share=0.0)
    assert of(file("float32", 1000, 900), zeros=none).why == "nothing was pruned"
    assert of(file("float16", 500, 450), zeros=none).why == "two bytes a weight; nothing was pruned"


def test_a_quantized_file_that_is_slower_says_so_and_whether_zeros_have_to_do_with_it() -> None:
    slow = replace(file("int8", 260, 245), latency_ms=4.0)
    because = ": TFLite has slower kernels for some of its operators in this type"
    said = of(slow, dense=(DENSE, replace(DENSE_INT8, latency_ms=3.9))).why
    assert said.endswith(
        f"; it takes 8.0x the time of dense float32 here, and so does the dense int8 file{because}"
    )
    assert of(slow, dense=(DENSE,)).why.endswith(f"; it takes 8.0x the time of dense float32 here{because}")
    assert "time of dense float32" not in of(replace(slow, latency_ms=0.6)).why


def test_blocks_are_neither_stored_nor_computed() -> None:
    said = of(file("float32_sparse", 120, 100, sparse=1, blocks=1), zeros=Zeros(0.9, frozenset({4})))
    assert said.why == (
        "1 tensor in blocks of 4 inputs: what is zero is neither stored nor computed; it takes 0.50x the time"
        " of float32 here"
    )
    assert "not TFLite Micro" in said.runs_on


def test_a_sparse_file_slower_than_the_plain_one_is_not_praised() -> None:
    plain = replace(file("int8", 260, 100), latency_ms=0.2)
    sparse = file("int8_sparse", 30, 25, sparse=3, blocks=2)
    assert of(sparse, plain, zeros=Zeros(0.9, frozenset({16}))).why == (
        "2 tensors in blocks of 16 inputs: what is zero is neither stored nor computed; 1 tensor value by"
        " value: unpacked when the file is loaded, so no faster; it takes 1.25x the time of int8 here, whose"
        " kernels are XNNPACK's"
    )


def test_nothing_is_claimed_of_times_within_their_noise() -> None:
    """Times that a trial measured: the call itself takes a microsecond."""
    tiny = replace(DENSE, latency_ms=0.00124, latency_p90_ms=0.00179)
    slow = replace(file("int8", 260, 245), latency_ms=0.00175, latency_p90_ms=0.00176)
    assert "time of dense float32" not in of(slow, dense=(tiny,)).why
    noisy = replace(DENSE, latency_ms=0.5, latency_p90_ms=1.2)
    slow = replace(slow, latency_ms=1.0, latency_p90_ms=1.01)
    said = of(slow, dense=(noisy,))
    assert (said.ratios.latency_ms, said.ratios.told_apart) == (2.0, False)
    assert "time of dense float32" not in said.why
    sparse = replace(file("int8_sparse", 30, 25, sparse=1, blocks=1), latency_ms=0.0024)
    plain = replace(file("int8", 260, 100), latency_ms=0.0016)
    assert of(sparse, plain).why.endswith(
        "; it takes 1.50x the time of int8 here, which is within the noise of timing"
    )


def test_single_zeros_are_unpacked_again_and_blocks_are_recommended() -> None:
    assert of(file("float32_sparse", 400, 300, sparse=2)).why == (
        "2 tensors value by value: unpacked when the file is loaded, so no faster; of a Dense layer whole"
        " blocks are left out with block: {in: 4}"
    )


def test_blocks_too_small_for_the_file_are_told_the_size_it_needs() -> None:
    unpacked = file("int8_sparse", 200, 100, sparse=2)
    told = "; of a Dense layer whole blocks are left out with block: {in: 16}"
    assert of(unpacked, zeros=Zeros(0.9, frozenset({4}))).why.endswith(told)
    assert not of(unpacked, zeros=Zeros(0.9, frozenset({4, 32}))).why.endswith(told)


def test_indices_that_take_more_than_zeros_save_are_advised_against() -> None:
    larger = file("int8_sparse", 400, 300, sparse=2)
    told = (
        "2 tensors value by value: unpacked when the file is loaded, so no faster; the indices take more than"
        " the zeros save: use int8"
    )
    assert of(larger, file("int8", 260, 100)).why == told
    # Where the recipe does not ask for the plain file, the dense one is as large.
    assert of(larger).why == told


def test_a_sparse_file_without_a_sparse_tensor_says_so() -> None:
    assert of(file("float32_sparse", 1000, 300)).why == (
        "nothing was encoded sparse: TFLite encodes the kernels of Dense and convolution layers that are at"
        " least 30 % zero; use the plain file"
    )


def test_a_file_that_does_not_run_gains_nothing() -> None:
    said = of(Exported("int8", Path("m.tflite"), 250, 90, loads=False, error="no"))
    assert (said.why, said.benchmark) == ("there is no file to gain by", None)
    assert said.runs_on == "nowhere: it does not run here"
    assert of(Exported("int8", None, None, None, loads=False, error="no")).ratios.bytes is None


def test_the_command_pushes_and_times_the_file() -> None:
    assert of(file("float16", 500, 450)).benchmark == (
        "adb push model_float16.tflite /data/local/tmp/ && adb shell /data/local/tmp/benchmark_model"
        " --graph=/data/local/tmp/model_float16.tflite --num_threads=1 --warmup_runs=10 --num_runs=100"
    )


def test_the_command_gives_open_dimensions_a_size_and_quotes_the_path() -> None:
    takes = ModelInput("serving_default_x:0", (None, 128, 2))
    command = benchmark_command(Path("my runs/m.tflite"), takes)
    assert command.startswith("adb push 'my runs/m.tflite' /data/local/tmp/ && ")
    assert command.endswith(" --input_layer=serving_default_x:0 --input_layer_shape=1,64,128,2")


def test_advice_is_plain_data() -> None:
    said = of(file("int8", 260, 90))
    assert said.to_json() == {
        "bytes_ratio": 0.26,
        "gzip_ratio": 0.1,
        "latency_ratio": 0.5,
        "dense_twin": "int8",
        "twin_bytes_ratio": 1.0,
        "twin_gzip_ratio": 0.36,
        "twin_latency_ratio": 0.5,
        "runs_on": said.runs_on,
        "why": said.why,
        "benchmark": said.benchmark,
    }
