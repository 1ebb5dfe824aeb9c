"""Networks only: torch and MONAI, nothing of ``recon``. What they are for and how well they do:
models/README.md."""
