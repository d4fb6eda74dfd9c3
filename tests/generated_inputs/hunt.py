"""Which mutants generated sessions notice: `hunt.py EXAMPLES SEED [NAME...]` tells it of each.

The same seed draws the same sessions from the same tree.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "mutants"))

import matrix
from codex_conformance.bench import Judged
from codex_conformance.targets import DirectTarget
from fuzz import Disagreement, fuzz
from hypothesis import Phase
from mutant import Mutant


def noticed(mutant: Mutant, examples: int, seed: int) -> Disagreement | None:
    """What gives a mutant away in so many sessions."""
    judged = Judged(DirectTarget(mutant, ()), mutant.revision)
    try:
        fuzz(judged, examples, seed, phases=[Phase.generate])
    except Disagreement as disagreement:
        return disagreement
    return None


def main(arguments: list[str]) -> int:
    examples, seed, *names = arguments
    mutants = matrix.mutants().items()
    hunted = [(name, each) for name, each in mutants if not names or each.name in names]
    found = 0
    for name, mutant in hunted:
        disagreement = noticed(mutant, int(examples), int(seed))
        found += disagreement is not None
        how = (disagreement.result.message or "")[:100] if disagreement else "not noticed"
        print(f"{name} {sorted(mutant.broken)}: {how}", flush=True)
    print(f"{found} of {len(hunted)} mutants noticed in {examples} sessions, seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
