"""Mends roles in pages that docutils and the theme write for those who hear them."""


def _mend(app, pagename, templatename, context, doctree):
    """A citation is one item of its list: what docutils calls it has been withdrawn from ARIA, and is no item."""
    if body := context.get("body"):
        context["body"] = body.replace(' role="doc-biblioentry"', ' role="listitem"')


def setup(app):
    app.connect("html-page-context", _mend)
    app.add_js_file("page.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
