"""`python -m keras_sr` is `keras-sr`, also where the command is not on the path."""

from keras_sr.cli import main

if __name__ == "__main__":
    main()
