"""How an answer is marked: called within limits, read as numbers, and compared case by case."""
