"""What the pictures of a comparison show, and how they are drawn."""
