"""Pixels before alignment."""

from recon.preprocess.binning import fourier_bin
from recon.preprocess.clean import PREPROCESS, preprocess
from recon.preprocess.levels import vacuum_levels

__all__ = ["PREPROCESS", "fourier_bin", "preprocess", "vacuum_levels"]
