"""Statistics over subjects, never over slices."""
