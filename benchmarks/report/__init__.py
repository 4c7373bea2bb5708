"""One report of all measurements: a Markdown document with its plots, and README's table."""
