"""Floor 3: the tuned candidates, the linear head and LoRA, and the strength they are applied with."""
