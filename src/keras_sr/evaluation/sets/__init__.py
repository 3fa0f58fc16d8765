"""Sets of pictures to measure on: how folders are laid out, which sets are known, where they come from."""
