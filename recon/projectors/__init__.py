"""Projectors behind one Protocol; the YAML files in ``configs/projector`` choose one."""
