"""The colours of all pictures: the palette of Okabe and Ito, which colour-blind readers can tell apart."""

DOTS_PER_INCH = 120

BLUE = "#0072b2"
VERMILION = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"
BLACK = "#000000"
SKY = "#56b4e9"
ORANGE = "#e69f00"

PALE = "#efefef"
"""What is not there: a zero."""
GRID = "#dddddd"
