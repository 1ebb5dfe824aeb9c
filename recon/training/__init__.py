"""Training on synthetic phantoms: examples, losses, the loop, the tasks."""
