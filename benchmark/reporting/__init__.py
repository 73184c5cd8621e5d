"""Tables, figures and the page of a benchmark, from its scores and stores alone; nothing here needs PyTorch."""
