"""The figures: functions from an outcome to a drawing. Nothing here trains, and nothing imports TensorFlow."""
