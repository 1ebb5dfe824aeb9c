"""python reconstruct.py [TILT_SERIES] [option=value ...]: from a raw tilt series to a tomogram."""

from recon.cli import reconstruct

if __name__ == "__main__":
    reconstruct()
