"""TFLite files: write them, read their bytes, run them and measure them."""
