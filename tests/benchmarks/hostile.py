"""Puts thousands of mutated recipes and overrides through recipe and plan, and counts what becomes of them.

python tests/benchmarks/hostile.py [3000] [FIRST]
"""

import collections
import contextlib
import resource
import sys
import time
import traceback
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests import test_hostile_input
from tests.mutations import Hostile, mutated


def main() -> None:
    """Runs as many as asked for and prints every fault."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    outcomes: list[test_hostile_input.Outcome] = []
    slowest: tuple[float, Hostile | None] = 0.0, None
    faults: dict[str, list[Hostile]] = collections.defaultdict(list)
    began = time.perf_counter()
    fixture = contextlib.contextmanager(test_hostile_input.commands.__wrapped__)  # type: ignore[attr-defined]
    # Ctrl-C ends with what there is by then.
    with fixture() as commands, contextlib.suppress(KeyboardInterrupt):
        first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
        for number in range(first, first + count):
            case = mutated(Random(number))
            if number > first and (number - first) % 100 == 0:
                print(f"{number - first} cases, {len(faults)} kinds of faults", file=sys.stderr, flush=True)
            try:
                outcome = commands(case)
                outcomes.append(outcome)
                slowest = max(slowest, (outcome.seconds, case), key=lambda pair: pair[0])
                test_hostile_input.check(outcome)
            except Exception as error:
                frame = traceback.extract_tb(error.__traceback__)[-1]
                faults[f"{type(error).__name__} {frame.filename}:{frame.lineno}: {str(error)[:300]}"].append(
                    case
                )
    planned = sum(outcome.planner for outcome in outcomes)
    good = sum(outcome.message is None for outcome in outcomes)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    seconds = time.perf_counter() - began
    print(f"{len(outcomes)} cases in {seconds:.0f} s: {planned} reached the planner, {good} plans")
    print(f"slowest {slowest[0]:.2f} s: {slowest[1]!r}"[:2_000])
    print(f"peak memory {memory:.2f} GB; {sum(map(len, faults.values()))} faults of {len(faults)} kinds")
    for fault, cases in faults.items():
        print(f"\n{len(cases)} x {fault}\n  {min(cases, key=lambda case: len(repr(case)))!r}"[:3_000])


if __name__ == "__main__":
    main()
