"""The aligned views before the reconstruction: noise taken out of them, what is missing filled in."""
