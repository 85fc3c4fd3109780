"""Writes what the explorers of a page have in common into it once: the script, and each model's weights.

A notebook saves every widget's state whole: three explorers of one model would bring it three times. Here a long text
that occurs again is put aside under its digest, and `{"shared": digest}` in its place; `widgets.js` puts them back.
"""

import hashlib
import json

STATE = "application/vnd.jupyter.widget-state+json"
LONG = 1000  # characters


def shared(saved: dict) -> dict:
    """The saved state with each long text and each buffer in it once."""
    texts, widgets = {}, saved["state"].values()

    def put(holder, name):
        if isinstance(holder.get(name), str) and len(holder[name]) >= LONG:
            digest = hashlib.sha256(holder[name].encode()).hexdigest()[:16]
            texts[digest] = holder[name]
            holder[name] = {"shared": digest}

    for widget in widgets:
        if "_esm" not in widget["state"]:
            continue
        for name in ("_esm", "_css"):
            put(widget["state"], name)
        for buffer in widget.get("buffers", ()):
            put(buffer, "data")
    return saved | {"shared": texts}


def _share(app, pagename, templatename, context, doctree):
    for script in context.get("script_files", ()):
        attributes = getattr(script, "attributes", {})
        if attributes.get("type") == STATE and '"shared":' not in attributes["body"][-100:]:
            text = json.dumps(shared(json.loads(attributes["body"])))
            attributes["body"] = text.replace("<", "\\u003c")  # no tag may end or open a script


def setup(app):
    app.connect("html-page-context", _share, priority=900)  # after myst-nb has brought the state
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
