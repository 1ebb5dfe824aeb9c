"""Ground truth from a seed: one file and one function per family; ``configs/phantom`` lists
them."""
