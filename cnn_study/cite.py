"""How the project is to be cited: what ``CITATION.cff`` says, for all that is made from results."""

TITLE = "cnn_study: controlled, replicated tests of claims about convolutional networks"
"""The title of the project."""

AUTHORS = "The cnn_study authors"
"""Who made it, as one name."""


def bibtex(version: str, **more: str) -> str:
    """An entry for BibTeX, on lines of its own.

    Args:
        version: The version of the library.
        more: Further fields of the entry, such as ``year`` and ``note``; empty ones are left out.
    """
    title = TITLE.replace("_", r"\_")
    fields = {"author": f"{{{AUTHORS}}}", "title": title, "version": version, **more}
    lines = [f"  {name} = {{{text}}}," for name, text in fields.items() if text]
    return "\n".join(["@software{cnn_study,", *lines, "}", ""])
