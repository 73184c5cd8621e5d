"""What every training shares: device and precision, the learning-rate schedule, saved weights."""
