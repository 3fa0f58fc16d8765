"""Training: recipes as typed values, one Keras model a kind of training, runs that resume exactly."""
