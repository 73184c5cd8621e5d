"""Planning a run before it starts (`hbench plan`) and following it while it runs (`hbench watch`)."""
