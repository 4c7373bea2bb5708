"""What engines are built from and compared with."""
