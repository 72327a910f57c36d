"""
The same code before and after a library loads its parts in, one digest out: what is loaded by now is no behaviour.
"""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import numpy as np
import sys
from pathlib import Path
import whorl

{code}

assert "{module}" not in sys.modules
before = whorl.fingerprint(f).digest
f()
assert "{module}" in sys.modules
copy = type(f)(f.__code__.replace(), f.__globals__)
print(before == whorl.fingerprint(copy).digest == whorl.fingerprint(f).digest)
"""


@pytest.mark.parametrize(
    ("code", "module"),
    [
        ("def f(): return np.random.default_rng(0).normal()", "numpy.random"),
        ("def f():\n    from numpy.random import default_rng\n    return default_rng(0).normal()", "numpy.random"),
        ("def f():\n    import sqlite3\n    return sqlite3.connect(':memory:')", "sqlite3"),
    ],
    ids=["part loaded by its package", "import inside the function", "standard library"],
)
def test_what_is_loaded_by_now_does_not_count(code: str, module: str) -> None:
    """Libraries load parts of themselves when first used; the key of a later call must be that of the first."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(code=code, module=module)], check=False, capture_output=True, text=True
    )

    assert done.stdout.split() == ["True"], done.stderr


def test_a_function_of_cython_counts_by_name_and_distribution() -> None:
    """Its class lives in a module without a file, which is nobody's own code."""
    code = "import whorl\nfrom numpy.random import default_rng\ndef f(): return default_rng(0)\n"
    code += "print([part.name for part in whorl.fingerprint(f).parts.children])"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert "'distribution/numpy'" in done.stdout, done.stderr


def test_a_module_below_a_folder_without_init_is_followed_before_its_package_is_loaded(tmp_path: Path) -> None:
    """A namespace package asks its parent where it lies; one that is not imported yet cannot answer."""
    module = tmp_path / "outer" / "plain" / "inner.py"
    module.parent.mkdir(parents=True)
    (tmp_path / "outer" / "__init__.py").write_text("")
    code = "import sys, whorl\ndef f():\n    from outer.plain.inner import VALUE\n    return VALUE\n"
    code += "print(whorl.fingerprint(f).digest, whorl.fingerprint(f).not_followed)"
    seen = []
    for value in (1, 1, 2):
        module.write_text(f"VALUE = {value}\n")
        done = subprocess.run(
            [sys.executable, "-B", "-c", code], check=False, capture_output=True, text=True, cwd=tmp_path
        )
        seen.append(done.stdout or done.stderr)

    assert seen[0] == seen[1] != seen[2]
    assert all("()" in words for words in seen), seen
