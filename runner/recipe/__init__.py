"""Recipes: what one may say (schema), how its file is read, and where files are found."""
