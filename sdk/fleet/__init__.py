"""Logs at scale: every frame of many files asked the same, into Parquet that can be gone on with.

pyarrow, fsspec and Ray are the extra ``[fleet]``; nothing outside of this folder imports them.
"""
