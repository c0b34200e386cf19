import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.export.child import Child, ChildDied, ChildFailed, ChildHung, shared_child

Alive = Callable[[], None]


def number_of_process(alive: Alive) -> int:
    return os.getpid()


def total(*numbers: int, alive: Alive) -> int:
    print("adding")
    return sum(numbers)


def refuse(words: str, alive: Alive) -> None:
    os.write(2, b"from C++: no\n")
    raise ValueError(words)


def die(number: int, alive: Alive) -> None:
    os.write(2, b"last words\n")
    os.kill(os.getpid(), number)
    time.sleep(60)


def leave(status: int, alive: Alive) -> None:
    os._exit(status)


def hang(alive: Alive) -> None:
    time.sleep(600)


def work(seconds: float, alive: Alive) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        alive()
    return "done"


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # What has ended and was not waited for is listed too.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while exists(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not exists(pid)


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child()
    yield child
    child.close()


def test_one_process_answers_call_after_call(child: Child, capfd: pytest.CaptureFixture[str]) -> None:
    assert child.pid is None
    child.start()
    first = child.call(number_of_process)
    assert first == child.pid != os.getpid()
    assert child.call(total, 1, 2, 3) == 6
    assert child.call(number_of_process) == first
    assert capfd.readouterr() == ("", "")


def test_an_exception_comes_back_as_its_words_and_the_process_lives(child: Child) -> None:
    with pytest.raises(ChildFailed) as caught:
        child.call(refuse, "it does not fit")
    assert type(caught.value) is ChildFailed
    assert (caught.value.reason, caught.value.output) == ("it does not fit", "from C++: no")
    with pytest.raises(ChildFailed, match=r"^ValueError$"):
        child.call(refuse, "")
    assert child.call(total, 4, 5) == 9


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGSEGV, "ended its process by SIGSEGV (Segmentation fault)"),
        (signal.SIGABRT, "ended its process by SIGABRT (Aborted)"),
        (
            signal.SIGKILL,
            "ended its process by SIGKILL (Killed), which is how Linux ends what takes too much memory",
        ),
    ],
)
def test_a_death_is_told_with_its_signal_and_last_words(child: Child, number: int, words: str) -> None:
    before = child.call(number_of_process)
    with pytest.raises(ChildDied) as caught:
        child.call(die, number)
    assert (caught.value.reason, caught.value.output) == (words, "last words")
    after = child.call(number_of_process)
    assert after != before


def test_a_process_that_leaves_is_a_death_too(child: Child) -> None:
    with pytest.raises(ChildDied, match=r"^ended its process with exit status 3$"):
        child.call(leave, 3)


def test_one_that_was_ended_between_calls_is_started_anew(child: Child) -> None:
    pid = child.call(number_of_process)
    os.kill(pid, signal.SIGKILL)
    assert gone_within(pid, 5)
    assert child.call(total, 2, 2) == 4


def test_one_that_hangs_is_ended(child: Child) -> None:
    pid = child.call(number_of_process)
    began = time.monotonic()
    with pytest.raises(ChildHung, match=r"^gave no sign of life for 0\.3 s and was ended$"):
        child.call(hang, patience=0.3)
    assert time.monotonic() - began < 10
    assert not exists(pid)
    assert child.call(total, 1) == 1


def test_signs_of_life_are_waited_for(child: Child) -> None:
    child.call(total)
    assert child.call(work, 2.5, patience=1.5) == "done"


def test_a_function_that_the_child_does_not_find_is_told(child: Child, tmp_path: Path) -> None:
    (tmp_path / "plugin_of_parent.py").write_text("def answer(alive): return 42\n")
    sys.path.append(str(tmp_path))
    try:
        import plugin_of_parent  # type: ignore[import-not-found]

        assert child.call(plugin_of_parent.answer) == 42
        child.close()
    finally:
        sys.path.remove(str(tmp_path))
    with pytest.raises(ChildFailed, match="No module named 'plugin_of_parent'"):
        child.call(plugin_of_parent.answer)


def test_closing_ends_the_process_and_may_be_repeated(child: Child) -> None:
    pid = child.call(number_of_process)
    child.close()
    assert not exists(pid)
    assert child.pid is None
    child.close()


def test_an_interrupt_ends_the_process(child: Child) -> None:
    pid = child.call(number_of_process)

    def press(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            child.call(hang)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not exists(pid)


PARENT = """
from runner.export.child import Child
from test_child_calls import hang, number_of_process
child = Child()
print(child.call(number_of_process), flush=True)
child.call(hang)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_a_killed_parent_leaves_no_orphan(tmp_path: Path) -> None:
    (tmp_path / "test_child_calls.py").write_text(Path(__file__).read_text())
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{tmp_path}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.2)
    assert exists(pid)
    parent.kill()
    parent.wait()
    assert gone_within(pid, 10)


def test_modules_are_imported_before_the_first_call() -> None:
    child = Child(("no_such_module",))
    with pytest.raises(ChildDied) as caught:
        child.call(total, 1)
    assert caught.value.reason == "ended its process with exit status 1"
    assert "No module named 'no_such_module'" in caught.value.output


def test_a_process_has_one_child_to_share_which_ends_with_it() -> None:
    program = (
        "from runner.export.child import shared_child; from tests.export.test_child import number_of_process;"
        "shared_child().preload = (); print(shared_child().call(number_of_process))"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert gone_within(int(run.stdout), 5)
    assert shared_child() is shared_child()
    assert shared_child().preload == ("tensorflow",)
