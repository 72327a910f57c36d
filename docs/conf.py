"""The settings of Sphinx: Markdown by myst, looks by furo."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).parent.parent

project = "whorl"
author = "the whorl developers"
release = version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# Pages that are read on the shelf of sources too link to each other by file.
suppress_warnings = ["myst.xref_missing"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"whorl {release}"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
