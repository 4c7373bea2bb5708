"""One report of all measurements: a self-contained page, a Markdown document, README's table."""
