"""What is learned: each objective is a collate (rows → batch) and a loss (model, batch → sums and counts)."""
