"""How answers of each judged kind are paired with the truth, scored by slice and drawn: one file a kind."""
