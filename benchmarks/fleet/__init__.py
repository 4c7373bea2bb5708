"""What ``python -m benchmarks batch`` runs: logs, batches of them, and what their parts cost."""
