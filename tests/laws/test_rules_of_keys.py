"""What keys.md says besides its laws about names, arguments, environment and namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Process, Project, Session

CALLS = """
    from whorl import stage

    @stage(cache=True)
    def f(x=1, *rest, y=2, **more):
        return [x, list(rest), y, sorted(more)]

    @stage(cache=True)
    def given(value):
        return list(value)
"""


@pytest.mark.parametrize("call", ["f(1)", "f(x=1)", "f(1, y=2)", "f(y=2, x=1)", "f.options()(1)"])
def test_equal_bindings_are_one_call(session: Session, call: str) -> None:
    """Arguments are bound with defaults applied."""
    session.write("pipe.py", CALLS)
    session.call("pipe.f()")

    assert session.settle(f"pipe.{call}").kinds("f") == ["hit"]


@pytest.mark.parametrize("call", ["f(2)", "f(1, 1)", "f(y=3)", "f(z=1)", "f(1.0)", "f(True)", 'f("1")', "f(None)"])
def test_other_bindings_are_other_calls(session: Session, call: str) -> None:
    """Values count with their types, and names of further keywords count."""
    session.write("pipe.py", CALLS)
    session.call("pipe.f()")
    session.settle("pipe.f()")

    assert session.call(f"pipe.{call}").kinds("f") == ["ran"]


def test_the_order_of_keyword_arguments_does_not_count(session: Session) -> None:
    """Neither in the call nor in a mapping that is spread."""
    session.write("pipe.py", CALLS)
    session.call("pipe.f(a=1, b=2)")

    assert session.settle('pipe.f(**{"b": 2, "a": 1})').kinds("f") == ["hit"]


def test_the_order_of_a_dict_counts_in_a_value(session: Session) -> None:
    """Code can tell two orders apart."""
    session.write("pipe.py", CALLS)
    first = session.call('pipe.given({"a": 1, "b": 2})')
    second = session.call('pipe.given({"b": 2, "a": 1})')

    assert (first.value, second.value) == (["a", "b"], ["b", "a"])


def test_equal_sets_are_one_value_under_every_hash_seed(fresh: Session) -> None:
    """Nothing that depends on PYTHONHASHSEED enters a key."""
    fresh.write("pipe.py", CALLS.replace("list(value)", "sorted(value)"))
    call = 'pipe.given({"alpha", "beta", "gamma", "delta", frozenset({"x", "y", "z"}).__len__() and "epsilon"})'
    fresh.call(call)

    assert all(fresh.call(call).kinds("given") == ["hit"] for _ in range(3))


NAMED = """
    from pathlib import Path
    from whorl import stage

    @stage(raw="raw.txt", cache=True)
    def clean(raw):
        return Path(raw).read_text().strip() * 50_000

    @stage(text=clean, cache=True)
    def report(text):
        return text[:1]
"""


def test_a_renamed_stage_is_kept_not_run(session: Session) -> None:
    """The name of a stage is in the call key only; what was computed under the old name is found by content."""
    session.write("pipe.py", NAMED)
    session.write("raw.txt", "a")
    session.call("pipe.report()")
    session.settle("pipe.report()")
    session.write("pipe.py", NAMED.replace("clean", "tidy").replace("def report", "def summary"))
    report = session.call("pipe.summary()")

    assert report.value == "a"
    assert report.ran == set()
    assert (report.kind("tidy"), report.kind("summary")) == ("kept", "kept")
    assert session.settle("pipe.summary()").kinds("summary") == ["hit"]


def test_a_name_given_is_the_name(session: Session) -> None:
    """`name=` makes an entry survive a renamed function."""
    source = NAMED.replace("text=clean, cache=True", 'text=clean, cache=True, name="final"')
    session.write("pipe.py", source)
    session.write("raw.txt", "a")
    first = session.call("pipe.report()")
    session.write("pipe.py", source.replace("def report", "def summary"))
    second = session.call("pipe.summary()")

    assert first.outcomes[-1]["stage"] == "final"
    assert second.kinds("final") == ["hit"]


def test_a_name_given_survives_a_move(fresh: Session) -> None:
    """A stage that moved to another module, with all it is made of, runs nothing."""
    source = NAMED.replace("text=clean, cache=True", 'text=clean, cache=True, name="final"')
    fresh.write("pipe.py", source)
    fresh.write("moved.py", source)
    fresh.write("raw.txt", "a")
    fresh.call("pipe.report()")

    assert fresh.call("moved.report()").ran == set()


def test_an_input_changed_without_effect_keeps_the_downstream(session: Session) -> None:
    """Early cutoff: the upstream ran, its result is the same."""
    session.write("pipe.py", NAMED)
    session.write("raw.txt", "a")
    session.call("pipe.report()")
    session.settle("pipe.report()")
    session.write("raw.txt", "a\n")
    report = session.call("pipe.report()")

    assert (report.kind("clean"), report.kind("report")) == ("ran", "kept")
    assert session.settle("pipe.report()").kinds("report") == ["hit"]


def test_scripts_have_the_name_of_their_file(project: Project, process: Callable[..., Process]) -> None:
    """`__main__` stands for many modules; a stage of a script is named after the script."""
    source = "from whorl import stage\n@stage(cache=True)\ndef f():\n    return 1\n"
    project.write("script.py", source + 'if __name__ == "__main__":\n    f()\n    print(f.last.kind)\n')
    run = (
        "import subprocess, sys\nsubprocess.run([sys.executable, {}], check=True, capture_output=True).stdout.decode()"
    )
    first = process().ask(run.format('"script.py"')).value
    second = process().ask(run.format('"-m", "script"')).value
    imported = process().ask("script.f()")

    assert (first, second) == ("ran\n", "hit\n")
    assert imported.outcomes[-1]["stage"] == "script.f"
    assert imported.ran == set()


ENVIRONMENT = """
    import os
    from whorl import stage

    @stage(cache=True, env=["REGION"])
    def declared():
        return os.environ.get("REGION")

    @stage(cache=True)
    def caller():
        return declared()

    @stage(region=declared, cache=True)
    def below(region):
        return region
"""


@pytest.mark.parametrize("stage", ["declared", "caller", "below"])
def test_a_declared_variable_of_the_environment_counts(session: Session, stage: str) -> None:
    """For the stage itself, its callers and its downstreams; an unset variable differs from an empty one."""
    session.write("pipe.py", ENVIRONMENT)
    values = []
    for setting in ('os.environ.pop("REGION", None)', 'os.environ.update(REGION="")', 'os.environ.update(REGION="eu")'):
        values.append(session.call(f"{setting}\npipe.{stage}()").value)
        session.call(f"{setting}\npipe.{stage}()")

    assert values == [None, "", "eu"]
    assert session.call(f'os.environ.update(REGION="eu")\npipe.{stage}()').kinds(stage) == ["hit"]


SPACES = """
    from whorl import stage

    @stage(cache=True)
    def nested():
        return 1

    @stage(cache=True, namespace="fixed")
    def pinned():
        return 2

    @stage(cache=True)
    def upstream():
        return nested() + pinned()

    @stage(x=upstream, cache=True)
    def last(x):
        return x
"""


def entries(project: Project) -> dict[str, set[str]]:
    """List the stages that have entries, by namespace."""
    spaces = {path.name: path / "m" for path in (project.store / "v1").iterdir()}
    return {name: {stage.name for stage in m.iterdir()} for name, m in spaces.items() if m.is_dir()}


def test_a_namespace_reaches_upstreams_and_nested_stages(session: Session) -> None:
    """Unless they pin their own; a namespace is a place where entries are, nothing else."""
    session.write("pipe.py", SPACES)
    session.call("pipe.last()")
    before = entries(session.project)
    report = session.call('pipe.last.options(namespace="mine")()')
    after = entries(session.project)

    assert report.ran == {"nested", "upstream", "last"}
    assert report.kind("pinned") == "hit"
    assert after["fixed"] == before["fixed"] == {"pipe.pinned"}
    assert after["mine"] == {"pipe.nested", "pipe.upstream", "pipe.last"}
    assert session.settle('pipe.last.options(namespace="mine")()').kinds("last") == ["hit"]


def test_a_namespace_is_not_part_of_a_key(fresh: Session) -> None:
    """So that entries can be moved between namespaces."""
    fresh.write("pipe.py", SPACES)
    keys = fresh.call('[str(pipe.last.key()), str(pipe.last.options(namespace="mine").key())]').value

    assert keys[0] == keys[1]  # type: ignore[index]


def test_a_namespace_set_for_a_block_holds_in_it(session: Session) -> None:
    """`with options(namespace=…)` is the same for all calls in the block."""
    session.write("pipe.py", SPACES)
    report = session.call('with whorl.options(namespace="mine"):\n    pipe.last()')

    assert report.ran == {"nested", "pinned", "upstream", "last"}
    assert entries(session.project)["mine"] == {"pipe.nested", "pipe.upstream", "pipe.last"}


def test_off_stores_nothing(fresh: Session) -> None:
    """`WHORL_MODE=off` switches caching off as a whole."""
    fresh.write("pipe.py", SPACES)
    fresh.project.variables["WHORL_MODE"] = "off"
    first, second = fresh.call("pipe.last()"), fresh.call("pipe.last()")

    assert (first.value, second.value) == (3, 3)
    assert second.ran == {"nested", "pinned", "upstream", "last"}
    assert not list(fresh.project.store.rglob("m"))
