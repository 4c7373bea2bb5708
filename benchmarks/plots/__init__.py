"""The plots of the benchmarks."""
