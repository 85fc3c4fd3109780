"""The tap, and what it hears: weights recorded, heads switched off."""
