"""The keys of a recipe as JSON Schema, for editors, and as tables, for people."""
