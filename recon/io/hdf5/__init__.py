"""HDF5: HyperSpy, EMD, Velox."""
