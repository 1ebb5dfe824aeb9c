"""The run around the mathematics: prepare, plan, slabs, record, resume."""
