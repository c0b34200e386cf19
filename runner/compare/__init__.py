"""Comparisons: recipes set side by side over seeds, ranked where that is fair, and drawn."""
