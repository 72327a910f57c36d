"""The fixtures of the laws: a project, and a session of each sort."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from project import Nursery, Process, Project, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as a law."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.law)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give an empty project with a store of its own."""
    return Project(tmp_path / "project", tmp_path / "store", tmp_path / "home")


@pytest.fixture(scope="session")
def nurseries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nursery, ...]]:
    """Give processes with different hash seeds to fork from; each starts when it is first needed."""
    folder = tmp_path_factory.mktemp("nurseries")
    nurseries = tuple(Nursery(seed, folder / str(seed)) for seed in (1, 2, 3))
    yield nurseries
    for nursery in nurseries:
        nursery.close()


@pytest.fixture(params=["fresh processes", "warm process"])
def session(request: pytest.FixtureRequest, project: Project, nurseries: tuple[Nursery, ...]) -> Iterator[Session]:
    """Give the two ways of calling that every law must survive."""
    session = Session(project, warm=request.param == "warm process", nurseries=nurseries)
    yield session
    session.close()


@pytest.fixture
def fresh(project: Project, nurseries: tuple[Nursery, ...]) -> Iterator[Session]:
    """Give a session that makes each call in a new process."""
    session = Session(project, warm=False, nurseries=nurseries)
    yield session
    session.close()


@pytest.fixture
def warm(project: Project, nurseries: tuple[Nursery, ...]) -> Iterator[Session]:
    """Give a session that makes all calls in one process."""
    session = Session(project, warm=True, nurseries=nurseries)
    yield session
    session.close()


@pytest.fixture
def process(project: Project) -> Iterator[Callable[..., Process]]:
    """Start processes that live as long as the test."""
    started: list[Process] = []

    def start(of: Project = project, **environment: str) -> Process:
        started.append(Process(of, environment))
        return started[-1]

    yield start
    for one in started:
        one.close()
