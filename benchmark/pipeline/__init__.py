"""What the rules call: training, harmonizing and scoring a cell, the leaderboard, the reference."""
