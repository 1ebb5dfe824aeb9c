"""From a volume to the tilt series a microscope would record: one file per effect; everything
applied is returned as truth."""
