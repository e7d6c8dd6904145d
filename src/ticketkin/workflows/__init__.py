"""Floor 5: the whole job. Stages, their order, the run folder, resume."""
