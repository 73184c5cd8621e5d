"""What is measured. One file for each metric; adding a file adds a metric."""
