"""What every HTTP service of the house shares, and no rule of any of them."""
