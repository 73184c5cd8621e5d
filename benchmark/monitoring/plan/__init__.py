"""What a benchmark will take: time, memory, disk, from measured times, before it is run."""
