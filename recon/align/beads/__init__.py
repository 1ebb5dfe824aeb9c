"""Gold beads: found in every view, followed through the series, and solved for."""
