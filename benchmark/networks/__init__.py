"""The networks that the methods and the judges share, at any width; w = 64 is the paper's."""
