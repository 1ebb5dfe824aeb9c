"""What a finished tomogram holds: Volume -> findings, scored where the truth is known."""
