"""What a fingerprint says of itself: its parts, what it does not follow, what the user adds and leaves out."""

from __future__ import annotations

import importlib
import pickle
import sys
from typing import TYPE_CHECKING

import pytest

from whorl.errors import ConfigError, UndigestableError, WhorlWarning
from whorl.fingerprint.code import Part, differences, digest_code, fingerprint

if TYPE_CHECKING:
    from pathlib import Path
    from types import FunctionType, ModuleType


def module_of(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "fp_module", **texts: str) -> ModuleType:
    """Write modules to files and import the first."""
    for stem, text in texts.items():
        (folder / f"{stem}.py").write_text(text)
        monkeypatch.delitem(sys.modules, stem, raising=False)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def stage_of(source: str, **names: object) -> FunctionType:
    namespace: dict[str, object] = {"__name__": "given", **names}
    exec(compile(source, "given.py", "exec", dont_inherit=True), namespace)
    return namespace["stage"]  # type: ignore[return-value]


def names_of(part: Part) -> set[str]:
    return {child.name for child in part.children}


def test_parts_name_everything_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code, defaults, globals, helpers and distributions each have a part; a helper's says where it stands."""
    helpers = "def scale(v):\n    return v * 2\n"
    body = "def fp(x, d=1):\n    return fp_helpers.scale(x) + K + np.sum(x)\n"
    text = f"import fp_helpers\nimport numpy as np\nK = 3\n{body}"
    module = module_of(tmp_path, monkeypatch, fp_module=text, fp_helpers=helpers)
    parts = fingerprint(module.fp).parts
    helper = next(child for child in parts.children if child.name == "helper/fp_helpers.scale")

    assert {"code", "default/d", "global/fp_module.K", "helper/fp_helpers.scale", "distribution/numpy"} <= names_of(
        parts
    )
    assert helper.where == "fp_helpers.py:1"
    assert helper.children[0].text == helpers


def test_differences_are_worded_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each difference names the part, its place, and both values where they are short."""
    text = "from fp_helpers import scale\nK = {k}\ndef fp(x, d={d}):\n    return scale(x) + K\n"
    helper = "def scale(v):\n    return v * {c}\n"
    first = module_of(tmp_path, monkeypatch, fp_module=text.format(k=2, d=1), fp_helpers=helper.format(c=2))
    old = fingerprint(first.fp).parts
    second = module_of(tmp_path, monkeypatch, fp_module=text.format(k=3, d=4), fp_helpers=helper.format(c=3))
    found = sorted(str(difference) for difference in differences(old, fingerprint(second.fp).parts))

    assert found == [
        "default d: 1 → 4",
        "global fp_module.K: 2 → 3",
        "helper fp_helpers.scale (fp_helpers.py:1): constant 2 → 3",
    ]


def test_a_helper_that_comes_or_goes_is_named() -> None:
    """A call more is a change of the code and a helper more."""
    old = fingerprint(stage_of("def h(x): return x\ndef stage(x): return x")).parts
    new = fingerprint(stage_of("def h(x): return x\ndef stage(x): return h(x)")).parts

    assert "helper given.h (given.py:1) added" in map(str, differences(old, new))
    assert "helper given.h (given.py:1) gone" in map(str, differences(new, old))
    assert differences(old, old) == ()


def test_a_tree_comes_back_from_json() -> None:
    """What is stored beside a manifest is the tree, whole."""
    parts = fingerprint(stage_of("import math\nK = [1]\ndef stage(x, d=2): return math.pi + K[0]")).parts

    assert Part.from_json(parts.to_json()) == parts


def test_a_text_is_shown_only_while_it_is_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was edited after the import is not shown for the code that was imported from it."""
    module = module_of(tmp_path, monkeypatch, fp_module="def fp(x):\n    return x + 1\n")
    (tmp_path / "fp_module.py").write_text("def fp(x):\n    return x + 2\n")
    text = fingerprint(module.fp).parts.children[0].text

    assert "x + 2" not in text
    assert "BINARY_OP" in text


def test_the_tree_of_a_large_library_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands below a distribution is told by its version, not by its thousands of functions."""
    text = "import pandas as pd\ndef fp(x):\n    return pd.DataFrame(x).groupby('a').agg(pd.Series.mean)\n"
    module = module_of(tmp_path, monkeypatch, fp_module=text)
    parts = fingerprint(module.fp).parts
    distribution = next(child for child in parts.children if child.name == "distribution/pandas")

    assert distribution.text.count(".") == 1
    assert len(parts.children) < 10


def test_exact_versions_are_there_for_the_manifest() -> None:
    """Two parts of a version count; the exact one is told beside."""
    import pandas as pd

    found = fingerprint(stage_of("def stage(x): return pd.concat(x)", pd=pd)).distributions

    assert [(item.name, item.exact) for item in found] == [("pandas", pd.__version__)]


NOT_FOLLOWED = {
    "def stage(x, n): return getattr(x, n)": "an attribute with a computed name (getattr)",
    "def stage(x): return getattr(x, 'a' + x)": "an attribute with a computed name (getattr)",
    "def stage(x): return eval(x)": "text run as code (eval)",
    "def stage(x): exec(x)": "text run as code (exec)",
    "def stage(x): return globals()[x]": "variables by name (globals)",
    "import importlib\ndef stage(x): return importlib.import_module(x)": "a module with a computed name",
    "import os\ndef stage(x): return os.environ['TZ']": "environment variable TZ",
    "import os\ndef stage(x): return os.environ.get('TZ', 1)": "environment variable TZ",
    "from os import getenv as g\ndef stage(x): return g('TZ')": "environment variable TZ",
    "from os import environ\ndef stage(x): return environ['TZ']": "environment variable TZ",
    "import time\ndef stage(x): return time.time()": "the clock (time.time)",
    "from datetime import datetime as d\ndef stage(x): return d.now()": "the clock (datetime.datetime.now)",
    "import random\ndef stage(x): return random.random()": "random numbers (random.random)",
    "import numpy as np\ndef stage(x): return np.random.rand(3)": "random numbers (numpy.random.rand)",
    "def stage(x): return open('data.txt').read()": "file data.txt",
    "import pandas as pd\ndef stage(x): return pd.read_csv('a.csv')": "file a.csv",
    "import threading\nlock = threading.Lock()\ndef stage(x): return lock.acquire()": "_thread.lock given.lock",
    "def h(n): return [getattr(n, k) for k in n]\ndef stage(x): return h(x)": "an attribute with a computed name",
    "def stage(x):\n    from datetime import datetime\n    return datetime.now()": "the clock (datetime.datetime.now)",
    "def stage(x):\n    import random\n    return random.random()": "random numbers (random.random)",
    "def stage(x):\n    import numpy as np\n    return np.random.rand()": "random numbers (numpy.random.rand)",
    "def stage(x):\n    import os\n    return os.environ['A']": "environment variable A",
    "def stage(x):\n    import pandas as pd\n    return pd.read_csv('a.csv')": "file a.csv",
    "from random import random\ndef stage(x): return random()": "random numbers (random.random)",
    "from random import randint\ndef stage(x): return randint(1, 2)": "random numbers (random.",
    "from numpy.random import default_rng\ndef stage(x): return default_rng()": "random numbers (numpy.random.",
    "from os import urandom\ndef stage(x): return urandom(3)": "random numbers (os.urandom)",
    "import datetime as d\nnow = d.datetime.now\ndef stage(x): return now()": "the clock (datetime.datetime.now)",
    "import time\ndef stage(x): return time.process_time()": "the clock (time.process_time)",
    "import builtins\ndef stage(x): return builtins.eval(x)": "text run as code (eval)",
    "e = exec\ndef stage(x): return e(x)": "text run as code (exec)",
    "def stage(x): return list(map(eval, x))": "text run as code (eval)",
    "P = 'a.csv'\nimport pandas as pd\ndef stage(x): return pd.read_csv(P)": "file a.csv",
    "import pathlib\nP = pathlib.Path('a.csv')\ndef stage(x): return P.read_text()": "file a.csv",
    "import pathlib\nP = pathlib.Path('a.csv')\ndef stage(x): return open(P)": "file a.csv",
    "import numpy as np\ndef stage(x): return np.load('a.npy')": "file a.npy",
    "import os\ndef stage(x): return os.listdir('folder')": "file folder",
    "import subprocess\ndef stage(x): return subprocess.run(['ls'])": "another program (subprocess.run)",
    "import operator\ndef stage(x, n): return operator.attrgetter(n)(x)": "an attribute with a computed name",
    "import sys\ndef stage(x, n): return sys.modules[n]": "a module with a computed name (sys.modules)",
}


@pytest.mark.parametrize("source", NOT_FOLLOWED)
def test_what_cannot_be_followed_is_listed_with_its_place(source: str) -> None:
    """Nothing that a fingerprint does not see is hidden; with ``strict`` it is an error."""
    stage = stage_of(source)
    found = fingerprint(stage).not_followed

    assert any(item.what.startswith(NOT_FOLLOWED[source]) for item in found), found
    assert "lock" in source or found[0].where.startswith("given.py:")
    with pytest.raises(UndigestableError):
        fingerprint(stage, strict=True)


FOLLOWED = [
    "def stage(x): return getattr(x, 'name')",
    "def stage(x): return getattr(x, 'name', None)",
    "def stage(path): return open(path).read()",
    "import pandas as pd\ndef stage(path): return pd.read_csv(path)",
    "import os\ndef stage(x): return os.path.join(x, 'a')",
    "import datetime\ndef stage(x): return datetime.datetime(2024, 1, 1) - datetime.timedelta(1)",
    "def stage(x):\n    import os\n    return os.path.join(x, 'a')",
    "import numpy as np\ndef stage(seed): return np.random.default_rng(seed)",
    "from numpy.random import default_rng\ndef stage(x): return default_rng(0)",
    "import operator\ndef stage(x): return operator.attrgetter('a', 'b')(x)",
    "import json\ndef stage(x): return json.loads('{}')",
    "import os\ndef stage(folder): return os.listdir(folder)",
    "def stage(load): return load('a')",
    "def load(name): return name\ndef stage(x): return load('a')",
    "import time\ndef stage(x): return time.sleep(x)",
]


@pytest.mark.parametrize("source", FOLLOWED)
def test_plain_code_is_followed_whole(source: str) -> None:
    """``strict`` is usable: what is declared or constant raises nothing."""

    assert fingerprint(stage_of(source), strict=True).not_followed == ()


def test_what_is_added_counts(tmp_path: Path) -> None:
    """Objects, dotted names and paths can be added; each counts by what it is, and that it was added."""
    file = tmp_path / "table.txt"
    file.write_text("1")
    stage = stage_of("def h(x): return x\ndef stage(x): return x")
    plain = fingerprint(stage).digest
    with_helper = fingerprint(stage, depends_on=[stage.__globals__["h"]]).digest
    with_file = fingerprint(stage, depends_on=[file]).digest
    with_module = fingerprint(stage, depends_on=["json"]).digest
    with_name = fingerprint(stage, depends_on=["json.dumps"]).digest
    file.write_text("2")

    assert len({plain, with_helper, with_file, with_module, with_name}) == 5
    assert fingerprint(stage, depends_on=[file]).digest != with_file


def test_a_name_that_means_nothing_cannot_be_added() -> None:
    """A misspelled dependency is an error, not a silence."""
    with pytest.raises(ConfigError, match="no_such_module"):
        fingerprint(stage_of("def stage(x): return x"), depends_on=["no_such_module.thing"])


def test_what_is_left_out_does_not_count_but_that_it_is_does() -> None:
    """A global left out may change freely; leaving it out changes the fingerprint once."""
    first = stage_of("K = 1\ndef stage(x): return K")
    second = stage_of("K = 2\ndef stage(x): return K")
    left_out = fingerprint(first, ignore=["given.K"]).digest

    assert fingerprint(second, ignore=["given.K"]).digest == left_out
    assert left_out != fingerprint(first).digest


def test_an_object_left_out_is_left_out_at_any_depth() -> None:
    """The user's word holds for helpers of helpers too."""
    source = "def deep(x): return x + {}\ndef h(x): return deep(x)\ndef stage(x): return h(x)"
    digests = []
    for number in (1, 2):
        stage = stage_of(source.format(number))
        digests.append(fingerprint(stage, ignore=[stage.__globals__["deep"]]).digest)

    assert digests[0] == digests[1]


def test_a_fingerprint_travels() -> None:
    """Workers get digest, parts and what is not followed; stages and memory stay."""
    before = fingerprint(stage_of("import time\nK = 1\ndef stage(x): return time.time() + K"))
    after = pickle.loads(pickle.dumps(before))

    assert (after.digest, after.parts, after.not_followed) == (before.digest, before.parts, before.not_followed)


@pytest.mark.parametrize("thing", [len, int, dict.get, "abc".find, print, sys, ValueError, [].append.__class__])
def test_everything_that_runs_has_a_digest(thing: object) -> None:
    """Builtins, types, modules and methods of C objects count by their names."""

    assert digest_code(thing) == digest_code(thing)


def test_deep_recursion_of_helpers_needs_no_deep_stack() -> None:
    """Five thousand helpers in a row are followed with an explicit stack."""
    lines = [f"def h{number}(x): return h{number + 1}(x)" for number in range(5_000)]
    stage = stage_of("\n".join([*lines, "def h5000(x): return x + 1", "def stage(x): return h0(x)"]))
    other = stage_of("\n".join([*lines, "def h5000(x): return x + 2", "def stage(x): return h0(x)"]))

    assert fingerprint(stage).digest != fingerprint(other).digest


def test_an_import_inside_a_function_counts_loaded_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is read from the module counts, and not whether somebody has imported it before."""
    text = "def fp(x):\n    from fp_helpers import h\n    return h(x)\n"
    helpers = "K = {}\nOTHER = {}\ndef h(x): return x + K\n"
    digests = []
    for numbers in ((1, 1), (1, 2), (2, 2)):
        module = module_of(tmp_path, monkeypatch, fp_module=text, fp_helpers=helpers.format(*numbers))
        fresh = fingerprint(module.fp).digest
        importlib.import_module("fp_helpers")

        assert fingerprint(module.fp).digest == fresh
        digests.append(fresh)
    assert digests[0] == digests[1] != digests[2]


def test_an_import_that_cannot_work_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An optional module may be missing; when it is there one day, that is a change."""
    body = "    try:\n        import fp_optional as m\n    except ImportError:\n        return x\n    return m.f(x)\n"
    text = f"def fp(x):\n{body}"
    module = module_of(tmp_path, monkeypatch, fp_module=text)
    missing = fingerprint(module.fp).digest
    (tmp_path / "fp_optional.py").write_text("def f(x): return x\n")
    importlib.invalidate_caches()

    assert fingerprint(module.fp).digest != missing


PATHS = {
    "a path": "R = HERE\ndef fp(x): return R",
    "a text": "R = str(HERE / 'data.csv')\ndef fp(x): return R",
    "what the module knows": "def fp(x): return HERE, __file__, __name__",
    "in a dictionary": "R = {'a': HERE}\ndef fp(x): return R['a']",
    "in a tuple": "R = (HERE,)\ndef fp(x): return R[0]",
    "of a class": "class C:\n    R = HERE\n    S = str(HERE)\ndef fp(x): return C.R, C.S",
    "of an instance": (
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    r: Path\nR = C(HERE)\ndef fp(x): return R.r"
    ),
    "of an enum": "import enum\nclass E(enum.Enum):\n    A = HERE\ndef fp(x): return E.A",
    "a default": "def fp(x=HERE / 'x'): return x",
    "of a partial": "import functools\nf = functools.partial(print, HERE / 'x')\ndef fp(x): return f()",
    "closed over": "def make(p):\n    def fp(x): return p\n    return fp\nfp = make(HERE)",
    "of a function": "def fp(x): return fp.p\nfp.p = HERE",
}


@pytest.mark.parametrize("kind", PATHS)
def test_a_folder_counts_for_nothing(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that was copied elsewhere is the same project, also where it makes paths from ``__file__``."""
    text = f"from pathlib import Path\nHERE = Path(__file__).parent\n{PATHS[kind]}\n"
    digests = []
    for folder in ("one", "two"):
        root = tmp_path / folder
        root.mkdir()
        (root / "pyproject.toml").write_text("")
        module = module_of(root, monkeypatch, fp_module=text)
        digests.append(fingerprint(module.fp).digest)
        assert fingerprint(module.fp) is fingerprint(module.fp)
    other = module_of(tmp_path / "two", monkeypatch, fp_module=text.replace(".parent", ".parent / 'y'"))

    assert digests[0] == digests[1]
    assert kind == "what the module knows" or fingerprint(other.fp).digest != digests[0]


@pytest.mark.parametrize(
    "written", ["'/data'", "'/data/'", "'/x/../data'", "'//data'", "'/data/.'"], ids=lambda text: text.strip("'")
)
def test_what_stands_behind_the_projects_folder_counts_as_it_is_written(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code may put a name behind it, or compare it."""
    (tmp_path / "pyproject.toml").write_text("")
    text = "import os\nD = os.path.dirname(__file__) + $$\ndef fp(x): return D + 'x'\n"
    mine = module_of(tmp_path, monkeypatch, fp_module=text.replace("$$", written))
    digest = fingerprint(mine.fp).digest
    other = module_of(tmp_path, monkeypatch, fp_module=text.replace("$$", "'/datum'"))

    assert fingerprint(other.fp).digest != digest
    if written != "'/data'":
        plain = module_of(tmp_path, monkeypatch, fp_module=text.replace("$$", "'/data'"))
        assert fingerprint(plain.fp).digest != digest


def test_a_large_value_is_followed_whole_with_a_warning() -> None:
    """There is no cut-off in size; who gives the value as an argument saves digesting it at each call."""
    import numpy as np

    stage = stage_of("def stage(x): return TABLE", TABLE=np.zeros(9 * 1024 * 1024))
    with pytest.warns(WhorlWarning, match=r"given\.TABLE is large"):
        before = fingerprint(stage).digest
    stage.__globals__["TABLE"][-1] = 1
    with pytest.warns(WhorlWarning):
        after = fingerprint(stage).digest

    assert before != after


def test_a_proxy_is_not_what_it_wraps() -> None:
    """An object that passes for a function through ``__class__`` has code of its own, and that counts."""
    source = """
def work(x): return x
class Proxy:
    def __init__(self, f): self.f = f
    @property
    def __class__(self): return type(self.f)
    def __getattr__(self, name): return getattr(self.f, name)
    def __call__(self, x): return self.f(x) + {}
proxy = Proxy(work)
def stage(x): return proxy(x)
"""

    assert fingerprint(stage_of(source.format(1))).digest != fingerprint(stage_of(source.format(2))).digest


def test_a_mock_in_place_of_a_helper_is_listed() -> None:
    """A mock makes itself up while it is read; it counts by its type."""
    from unittest.mock import MagicMock

    found = fingerprint(stage_of("def stage(x): return helper(x)", helper=MagicMock()))

    assert [item.what for item in found.not_followed] == ["unittest.mock.MagicMock given.helper"]
