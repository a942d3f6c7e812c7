"""Sphinx settings. `make docs` builds the site into build/docs; a warning is an error.

The library is read, not imported: AutoAPI parses its source, so that a build needs no TensorFlow.
"""

import sys
from pathlib import Path

from sphinx.ext.napoleon import Config, GoogleDocstring

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

import gallery  # noqa: E402
import generated  # noqa: E402

project = "cnn_study"
author = "The cnn_study authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx calls it so
html_title = "cnn_study"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "autoapi.extension"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autoapi_dirs = [str(HERE.parent / "cnn_study")]
autoapi_root = "reference/api"
autoapi_options = ["members", "show-module-summary"]
autoapi_add_toctree_entry = False
autoapi_member_order = "bysource"
autoapi_python_class_content = "class"
# What experiments are written with and results are read with. The rest is machinery.
autoapi_ignore = [f"*/cnn_study/{part}" for part in ("cli/*", "display.py", "tables.py", "execution/*", "tracking/*")]
suppress_warnings = ["autoapi.python_import_resolution"]

# Every reference to a name of the library must lead somewhere. Those to others cannot be followed without a network,
# and those to what is left out above not at all.
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r"(?!cnn_study\.).*"),
    ("py:exc", r"(?!cnn_study\.).*"),
    ("py:.*", r"cnn_study\.(cli|display|tables|execution|tracking)\b.*"),
]

# Types stand in the signatures: what a function returns is prose, and may hold a colon.
DOCSTRINGS = Config(napoleon_use_ivar=True, napoleon_numpy_docstring=False, napoleon_custom_sections=["Returns"])


def _convert_docstring(app, what, name, obj, options, lines) -> None:
    # Of attributes too, it must not take the text before a colon for a type.
    what = "method" if what in ("attribute", "data", "property") else what
    lines[:] = GoogleDocstring(list(lines), DOCSTRINGS, app, what, name, obj, options).lines()


def _find_alias(app, env, node, content):
    """An annotation that names a type alias: it is data, not a class."""
    if node.get("refdomain") != "py" or node.get("reftype") != "class":
        return None
    target, document = node["reftarget"], node.get("refdoc")
    return env.domains["py"].resolve_xref(env, document, app.builder, "data", target, node, content)


def _find_in_package(app, env, node, content):
    """A name that a package hands on from one of its modules: it is described there."""
    package, _, name = node.get("reftarget", "").rpartition(".")
    if node.get("refdomain") != "py" or not package.startswith("cnn_study"):
        return None
    domain = env.domains["py"]
    found = [each for each in domain.objects if each.startswith(f"{package}.") and each.endswith(f".{name}")]
    if len(found) != 1:
        return None
    return domain.resolve_xref(env, node.get("refdoc"), app.builder, node["reftype"], found[0], node, content)


def _keep_undocumented(app, what, name, obj, skip, options):
    """Show what has no docstring of its own: fields, which their class describes, and aliases that signatures name."""
    field = what == "attribute" and obj.annotation and not obj.name.startswith("_")
    alias = what == "data" and obj.name[0].isupper() and not obj.imported
    return False if field or alias else skip


NOT_BUILT = "*Filled in when the documentation is built: `make docs`.*\n"
"""What stands above the mark of a generated part, for those who read the page as it lies in the repository."""


def _fill_in(app, docname, source) -> None:
    for mark, text in generated.PAGES.items():
        if mark in source[0]:
            source[0] = source[0].replace(NOT_BUILT, "").replace(mark, text())


def _write_topics(app) -> None:
    gallery.write_topics()


def setup(app) -> None:
    """Connect what is generated at build time."""
    app.connect("builder-inited", _write_topics)
    app.connect("autodoc-process-docstring", _convert_docstring)
    app.connect("autoapi-skip-member", _keep_undocumented)
    app.connect("missing-reference", _find_alias)
    app.connect("missing-reference", _find_in_package)
    app.connect("source-read", _fill_in)
