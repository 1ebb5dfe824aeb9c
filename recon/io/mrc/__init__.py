"""MRC: header, extended header, labels, pixels."""
