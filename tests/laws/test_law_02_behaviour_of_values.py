"""Law 2: an edited method runs the stages that call it, though the bytes that carried the object are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

MODELS = """
    class Base:
        def offset(self):
            return 0

    class Model(Base):
        def __init__(self, weight):
            self.weight = weight

        def predict(self, x):
            return self.weight * x + self.offset()
"""
# A pickle made by hand, as a raw file: no code of the project names the class.
PICKLED = b"\x80\x04cmodels\nModel\n)\x81}\x8c\x06weightK\x03sb."
UNPICKLED = """
    import pickle
    from pathlib import Path
    from whorl import stage

    @stage(raw="model.pkl", cache=True, format="pickle")
    def train(raw):
        return pickle.loads(Path(raw).read_bytes())

    @stage(model=train, cache=True)
    def score(model):
        return model.predict(2)

    @stage(value=score, cache=True)
    def report(value):
        return f"score {value}"

    @stage(cache=True)
    def nested():
        return train().predict(2)

    @stage(model=train, cache=True, format="pickle")
    def wrap(model):
        return {"models": [model]}

    @stage(wrapped=wrap, cache=True)
    def score_wrapped(wrapped):
        return wrapped["models"][0].predict(2)

    @stage(model=train)
    def pass_on(model):
        return model

    @stage(model=pass_on, cache=True)
    def score_passed(model):
        return model.predict(2)
"""
NAMED = """
    from models import Model
    from whorl import stage

    @stage(cache=True, format="pickle")
    def train():
        return Model(3)

    @stage(model=train, cache=True)
    def score(model):
        return model.predict(2)
"""


def start(session: Session, pipe: str) -> None:
    """Write a project with a model."""
    session.write("models.py", MODELS)
    session.write("pipe.py", pipe)
    (session.project.folder / "model.pkl").write_bytes(PICKLED)


@pytest.mark.parametrize("target", ["score", "nested", "score_wrapped", "score_passed"])
def test_a_method_edited_runs_a_stage_that_names_no_class(session: Session, target: str) -> None:
    """The class came out of a pickle; only the value tells whose behaviour the result depends on."""
    start(session, UNPICKLED)
    before = session.call(f"pipe.{target}()")
    session.settle(f"pipe.{target}()")
    session.edit("models.py", "self.weight * x", "self.weight * x + 100")
    after = session.call(f"pipe.{target}()")

    assert (before.value, after.value) == (6, 106)
    assert target in after.ran
    assert session.settle(f"pipe.{target}()").value == 106


def test_what_is_made_of_the_score_runs_too(session: Session) -> None:
    """A trace contains the traces of everything it was made from, or a final hit would hide the change."""
    start(session, UNPICKLED)
    session.call("pipe.report()")
    session.settle("pipe.report()")
    session.edit("models.py", "self.weight * x", "self.weight * x + 100")
    report = session.call("pipe.report()")

    assert report.value == "score 106"
    assert {"score", "report"} <= report.ran


def test_an_inherited_method_counts(session: Session) -> None:
    """Behaviour includes what a class inherits."""
    start(session, UNPICKLED)
    session.call("pipe.report()")
    session.settle("pipe.report()")
    session.edit("models.py", "return 0", "return 50")

    assert session.call("pipe.report()").value == "score 56"


def test_a_comment_in_the_class_runs_nothing(session: Session) -> None:
    """Behaviour is code, not text."""
    start(session, UNPICKLED)
    session.call("pipe.report()")
    session.settle("pipe.report()")
    session.edit("models.py", "return 0", "return 0  # nothing")

    assert session.call("pipe.report()").kinds("report") == ["hit"]


def test_training_that_names_the_class_gives_equal_bytes_and_score_runs(session: Session) -> None:
    """Equal bytes of an upstream's result are not enough for `kept`."""
    start(session, NAMED)
    session.call("pipe.score()")
    session.settle("pipe.score()")
    session.edit("models.py", "self.weight * x", "self.weight * x + 100")
    report = session.call("pipe.score()")

    assert report.value == 106
    assert report.kind("score") == "ran"


@pytest.mark.parametrize("call", ["pipe.rate(models.Model(3))", "pipe.rate(model=[models.Model(3)][0])"])
def test_an_argument_counts_with_its_behaviour(session: Session, call: str) -> None:
    """An instance given as an argument brings the code of its class."""
    start(session, "from whorl import stage\n\n@stage(cache=True)\ndef rate(model):\n    return model.predict(2)\n")
    session.call(call)
    session.settle(call)
    session.edit("models.py", "self.weight * x", "self.weight * x + 100")
    report = session.call(call)

    assert report.value == 106
    assert report.ran == {"rate"}


def test_a_value_given_in_place_of_an_upstream_counts_with_its_behaviour(session: Session) -> None:
    """A replaced upstream is an argument like any other."""
    start(session, NAMED)
    session.call("pipe.score(model=models.Model(5))")
    session.settle("pipe.score(model=models.Model(5))")
    session.edit("models.py", "self.weight * x", "self.weight * x + 100")

    assert session.call("pipe.score(model=models.Model(5))").value == 110


def test_a_class_replaced_under_its_name_counts(session: Session) -> None:
    """Behaviour is looked up where a pickle would look it up."""
    start(session, UNPICKLED)
    session.call("pipe.report()")
    session.settle("pipe.report()")
    session.write("models.py", MODELS.replace("class Model(", "class Renamed(") + "\n    Model = Renamed\n")
    session.edit("models.py", "self.weight * x", "self.weight * x + 100")

    assert session.call("pipe.report()").value == "score 106"
