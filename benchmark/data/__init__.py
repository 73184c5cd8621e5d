"""What trainings read: slices, splits, random crops, and the truth of phantoms."""
