"""One model's parameters from another's: positions, filters, heads, and the rules by which they move (Sec. 3.4)."""
