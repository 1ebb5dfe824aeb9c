"""Files of alignments: IMOD, AreTomo, tables, bead tracks."""
