"""Scripts that measure Tiltwise beside ASTRA, TomoPy and scikit-image, in one run on one
machine."""
