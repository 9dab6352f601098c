"""From a model, an objective and batches to trained weights: one step, the loop around it, and what is kept of it."""
