"""How good a model is: one file a family of metrics, and the runner that measures a translator."""
