"""python train.py task=irdm [option=value ...]: train a network on synthetic phantoms."""

from recon.cli import train

if __name__ == "__main__":
    train()
