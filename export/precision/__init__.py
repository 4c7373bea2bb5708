"""Float32 networks in fewer bits: which nodes may, which may not, and how that is measured."""
