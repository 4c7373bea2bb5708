"""MDETR: a detector that is modulated by what it is asked for."""
