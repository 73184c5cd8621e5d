"""What every other room stands on: errors, files, locks, devices, memory. Knows nothing of images."""
