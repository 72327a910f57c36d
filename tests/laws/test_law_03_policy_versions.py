"""Law 3: a stage that names no library runs when the policy version of the library behind its argument changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Session

LIBRARY = """
class Frame:
    def __init__(self, values):
        self.values = values

    def total(self):
        return sum(self.values)
"""
# A pickle of Frame([1, 2]) made by hand, so that no code of the project names the library.
PICKLED = b"\x80\x04cframes\nFrame\n)\x81}\x8c\x06values](K\x01K\x02esb."
PIPE = """
    import pickle
    from pathlib import Path
    from whorl import stage

    @stage(raw="frame.pkl", cache=True, format="pickle")
    def read(raw):
        return pickle.loads(Path(raw).read_bytes())

    @stage(frame=read, cache=True)
    def total(frame):
        return frame.total()

    @stage(value=total, cache=True)
    def report(value):
        return f"total {value}"

    @stage(cache=True)
    def nested():
        return read().total()

    @stage(cache=True)
    def total_of(frame):
        return frame.total()

    def argument():
        return total_of(pickle.loads(Path("frame.pkl").read_bytes()))
"""
STAGES = ["total", "report", "nested", "argument"]


def install(project: Project, version: str) -> None:
    """Install a library of that version beside the project, as pip would."""
    site = project.folder.parent / "site-packages"
    information = site / f"frames-{version}.dist-info"
    for old in site.glob("frames-*.dist-info"):
        old.rename(information)
    information.mkdir(parents=True, exist_ok=True)
    (site / "frames").mkdir(exist_ok=True)
    (site / "frames" / "__init__.py").write_text(LIBRARY)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: frames\nVersion: {version}\n")
    (information / "INSTALLER").write_text("pip\n")
    (information / "top_level.txt").write_text("frames\n")
    (information / "RECORD").write_text(f"frames/__init__.py,,\n{information.name}/METADATA,,\n")
    project.variables["PYTHONPATH"] = str(site)


def start(session: Session) -> None:
    """Write a project that meets the library only in values."""
    install(session.project, "1.2.3")
    session.write("pipe.py", PIPE)
    (session.project.folder / "frame.pkl").write_bytes(PICKLED)


@pytest.mark.parametrize("stage", STAGES)
def test_another_policy_version_runs(fresh: Session, stage: str) -> None:
    """Results are made by the methods of the values, whose code is not followed into a library."""
    start(fresh)
    fresh.call(f"pipe.{stage}()")
    fresh.settle(f"pipe.{stage}()")
    install(fresh.project, "1.3.0")
    report = fresh.call(f"pipe.{stage}()")

    assert report.ran & {"total", "nested", "total_of"}
    assert fresh.settle(f"pipe.{stage}()").ran == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_patch_release_runs_nothing(fresh: Session, stage: str) -> None:
    """A patch release must not recompute a team's year of work."""
    start(fresh)
    fresh.call(f"pipe.{stage}()")
    install(fresh.project, "1.2.4")

    assert fresh.call(f"pipe.{stage}()").ran == set()


@pytest.mark.parametrize("stage", STAGES)
def test_the_users_policy_decides(fresh: Session, stage: str) -> None:
    """With `exact`, a patch release counts; with `ignore`, no release does."""
    start(fresh)
    policy = '[project]\nname = "sample"\n[tool.whorl.distributions]\nframes = "{}"\n'
    fresh.write("pyproject.toml", policy.format("exact"))
    fresh.call(f"pipe.{stage}()")
    install(fresh.project, "1.2.4")
    exact = fresh.call(f"pipe.{stage}()")
    fresh.write("pyproject.toml", policy.format("ignore"))
    fresh.call(f"pipe.{stage}()")
    install(fresh.project, "2.0.0")
    ignored = fresh.call(f"pipe.{stage}()")

    assert exact.ran & {"total", "nested", "total_of"}
    assert ignored.ran == set()


def test_pandas_is_such_a_library(fresh: Session) -> None:
    """`total(frame)` names no library; that its argument is a frame of pandas is enough."""
    source = """
        from whorl import stage

        @stage(cache=True)
        def total(frame):
            return int(frame["x"].sum())

        def call():
            import pandas as pd

            return total(pd.DataFrame({"x": [1, 2]}))
    """
    fresh.write("pipe.py", source)
    fresh.call("pipe.call()")
    fresh.settle("pipe.call()")
    policy = '[project]\nname = "sample"\n[tool.whorl.distributions]\npandas = "exact"\n'
    fresh.write("pyproject.toml", policy)

    assert fresh.call("pipe.call()").ran == {"total"}
