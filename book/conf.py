"""Sphinx configuration of the book. Build it with `make book`, which runs `build.py`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

REPOSITORY = "https://github.com/vivit-edu/vivit-edu"  # the one place that names it: launch and repository buttons

project = "vivit_edu"
html_title = "Video transformers, taken apart"
author = "the vivit_edu authors"
copyright = "the vivit_edu authors"

extensions = [
    "myst_nb",
    "sphinx.ext.extlinks",
    "sphinx_external_toc",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_togglebutton",
    "sphinx_exercise",
    "sphinxcontrib.bibtex",
    "plotly_figures",
    "saved_explorers",
    "accessible",
]
source_suffix = {".ipynb": "myst-nb", ".md": "myst-nb"}
exclude_patterns = ["_build", "AUTHORING.md", "**/.ipynb_checkpoints"]
external_toc_path = "_toc.yml"
external_toc_exclude_missing = True
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"
numfig = True
numfig_secnum_depth = 0

myst_enable_extensions = ["amsmath", "attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_substitutions = {"repository": REPOSITORY}

extlinks = {"src": (f"{REPOSITORY}/blob/main/%s", "%s")}
extlinks_detect_hardcoded_links = False

nb_execution_mode = "force"  # a cache of outputs does not see a change of the package
nb_execution_timeout = 900  # a cell that trains, on a slow machine; another test holds the chapters' time
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_ipywidgets_js = {}  # vendor/widgets.js shows the explorers; plotly's own sliders live without a kernel

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_js_files = [("vendor/widgets.js", {"defer": "defer"})]
html_css_files = ["drawn/palette.css", "book.css"]
html_logo = "_static/drawn/logo.svg"
html_favicon = "_static/drawn/favicon.svg"
html_copy_source = True  # the download button serves the notebook
html_show_sourcelink = False
mathjax_path = "vendor/tex-svg-full.js"
mathjax3_config = {"tex": {"tagIndent": "0.1em"}}  # so that an equation and its number fit a phone
html_context = {"default_mode": "auto"}  # light or dark as the reader's system has it
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "path_to_docs": "",  # notebooks stand in the repository's own notebooks/
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    "use_repository_button": True,
    "use_edit_page_button": False,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "logo": {"text": html_title, "alt_text": "vivit_edu, home"},
}

copybutton_exclude = ".linenos, .gp, .go"
togglebutton_hint = "Show"
togglebutton_hint_hide = "Hide"
