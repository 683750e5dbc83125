"""`./dev bench NAME [options]`: run one bench; without a name, say which there are."""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(argv: list[str]) -> int:
    """Run the bench that the first argument names, with the rest."""
    names = sorted(
        path.stem
        for path in HERE.glob("[a-z]*.py")
        if "\ndef main(" in path.read_text("utf-8")  # the others help them
    )
    if not argv or argv[0] not in names:
        print(f"usage: bench NAME [options]; NAME is one of: {', '.join(names)}", file=sys.stderr)
        return 2
    return importlib.import_module(f"tests.bench.{argv[0]}").main(argv[1:]) or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
