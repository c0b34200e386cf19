"""Recipes: their keys, how their files are read, where they are found, and registries of what they name."""
